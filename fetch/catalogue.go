package fetch

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Item is a published file.
type Item struct {
	Name    string // in this program
	File    string // as it was published
	Bytes   int64  // its size; 0 where none is published
	Rounded bool   // Bytes is published in three digits only
	Sum     string // hexadecimal digits of its SHA-256: all 64, or the first 8, which the name carries; "" where none is published
	Licence string
	Model   string // whose weights they are, as --model takes it; "" for a file without weights
	Title   string // what it is, in a few words

	at   string // its address, or the path of its repository on the hub; "" where no address gives it any more
	onto []hubFolder
}

// hubFolder is a folder of a repository on the hub that has a file of the same name.
type hubFolder struct{ kind, repository, folder string }

// Where files are published.
const (
	hubGLIP     = "GLIPModel/GLIP" // the model zoo of microsoft/GLIP's README
	mmdetection = "https://download.openmmlab.com/mmdetection/v3.0/glip/"
	mmpretrain  = "https://download.openmmlab.com/mmclassification/v1/glip/"
	swinStorage = "https://github.com/SwinTransformer/storage/releases/download/v1.0.0/"
)

// Licences, as they are stated.
const (
	unstated = "none stated (code: MIT)"
	apache   = "Apache-2.0"
	mit      = "MIT"
)

// openMMLab is a file of MMDetection or mmpretrain, whose name carries the digits.
func openMMLab(name, model, title, folder, file, digits string) Item {
	file += "-" + digits + ".pth"
	return Item{Name: name, File: file[strings.LastIndexByte(file, '/')+1:], Sum: digits, Licence: apache, Model: model, Title: title, at: folder + file}
}

// tuned is a file of MMDetection that was fine-tuned on COCO.
func tuned(name, model, kind, stamp, digits string) Item {
	config := "glip_atss_swin-" + kind + "_fpn_dyhead_16xb2_ms-2x_funtune_coco"
	return openMMLab(name, model, "fine-tuned on COCO", mmdetection, config+"/"+config+"_"+stamp, digits)
}

// microsoft is a file of microsoft/GLIP's model zoo.
func microsoft(name, file, model, title string, bytes int64, sum string) Item {
	i := Item{Name: name, File: file, Bytes: bytes, Rounded: bytes%10_000_000 == 0, Sum: sum, Licence: unstated, Model: model, Title: title, at: hubGLIP}
	i.onto = []hubFolder{{"models", hubGLIP, ""}, {"models", "harold/GLIP", ""}, {"spaces", "haotiz/glip-zeroshot-demo", "MODEL"}, {"datasets", "minghua/PartSLIP", "models"}}
	if sum == "" {
		i.at = ""
	}
	return i
}

// Items lists the published files.
func Items() []Item {
	annotations := microsoft("lvis-od-val", "lvis_od_val.json", "", "annotations of LVIS val", 206_000_000, "44df2155129ccbdb2e14cba25d4c5555a1ee10914a97d33dd1b3f43053733dd3")
	annotations.Licence, annotations.Rounded = "none stated (COCO's annotations: CC BY 4.0)", true
	return []Item{
		microsoft("glip-t", "glip_tiny_model_o365_goldg_cc_sbu.pth", "glip-t", "GLIP-T", 3_710_104_213, "3bec0a3dea804fcb278d7106c5438de5116ee888e49dfae46270e7ad7bc4ccbf"),
		microsoft("glip-t-lvis", "glip_tiny_model_o365_goldg_cc_sbu_lvisbest.pth", "glip-t", "GLIP-T, best on LVIS", 3_710_104_213, "246ea2b91b9b3e20c1478a6cc6e0831ae1c4f75502cf885225a99caa2e8b996a"),
		microsoft("glip-t-a", "glip_a_tiny_o365.pth", "glip-t-a", "GLIP-T (A)", 2_430_000_000, "e81b13b86be3457f3c6e9ff659cd5f281d2120e980b62be83b23afa0f2f671f6"),
		microsoft("glip-t-b", "glip_tiny_model_o365.pth", "glip-t", "GLIP-T (B)", 3_710_000_000, "a9ee881a09b72722c4649f71e7bb2bad714beb33b21b4f0068888b8d0beb46b1"),
		microsoft("glip-t-c", "glip_tiny_model_o365_goldg.pth", "glip-t", "GLIP-T (C)", 3_710_104_213, "4274770c817b966621097df306c5ae857a2bdf3dfc242afc402382d9604382d3"),
		microsoft("glip-t-c-lvis", "glip_tiny_model_o365_goldg_lvisbest.pth", "glip-t", "GLIP-T (C), best on LVIS", 3_710_000_000, "46ba3e67659141661986346838450d077f6653964f4ea3b9baadf28cedebc179"),
		microsoft("glip-l", "glip_large_model.pth", "glip-l", "GLIP-L", 6_896_153_761, "dcb0178264b3193901a11560aa7f31b05821a5bf15225eeb0eeebbedaaa27791"),
		microsoft("glip-l-lvis", "glip_large_model_lvisbest.pth", "glip-l", "GLIP-L, best on LVIS", 0, ""),
		microsoft("glip-t-a-knowledge", "glip_a_tiny_o365_knowledge.pth", "glip-t-a", "GLIP-T (A), with knowledge", 0, ""),
		annotations,
		openMMLab("glip-t-mmdet", "glip-t", "GLIP-T, converted", mmdetection, "glip_tiny_mmdet", "c24ce662"),
		openMMLab("glip-t-a-mmdet", "glip-t-a", "GLIP-T (A), converted", mmdetection, "glip_tiny_a_mmdet", "b3654169"),
		openMMLab("glip-t-b-mmdet", "glip-t", "GLIP-T (B), converted", mmdetection, "glip_tiny_b_mmdet", "6dfbd102"),
		openMMLab("glip-t-c-mmdet", "glip-t", "GLIP-T (C), converted", mmdetection, "glip_tiny_c_mmdet", "2fc427dd"),
		openMMLab("glip-l-mmdet", "glip-l", "GLIP-L, converted", mmdetection, "glip_l_mmdet", "abfe026b"),
		tuned("glip-t-coco", "glip-t", "t", "20230914_224410", "ba97be24"),
		tuned("glip-t-a-coco", "glip-t-a", "t_a", "20230914_180419", "e6addd96"),
		tuned("glip-t-b-coco", "glip-t", "t_b", "20230916_163538", "650323ba"),
		tuned("glip-t-c-coco", "glip-t", "t_c", "20230914_182935", "4ba3fc3b"),
		tuned("glip-l-coco", "glip-l", "l", "20230910_100800", "e9be4274"),
		tuned("glip-t-coco-old", "glip-t", "t", "20230910_125111", "ad1025a0"),
		tuned("glip-t-a-coco-old", "glip-t-a", "t_a", "20230908_091856", "39f01d03"),
		tuned("glip-t-b-coco-old", "glip-t", "t_b", "20230909_175354", "e0c0c6d7"),
		tuned("glip-t-c-coco-old", "glip-t", "t_c", "20230909_175543", "5fcb4b97"),
		openMMLab("swin-t-glip", "glip-t", "backbone of GLIP-T", mmpretrain, "swin-t_glip-pre_3rdparty_20230413", "d85813b5"),
		openMMLab("swin-l-glip", "glip-l", "backbone of GLIP-L", mmpretrain, "swin-l_glip-pre_3rdparty_384px_20230413", "04b198e8"),
		{Name: "swin-t", File: "swin_tiny_patch4_window7_224.pth", Licence: mit, Model: "glip-t", Title: "Swin-T, ImageNet", at: swinStorage + "swin_tiny_patch4_window7_224.pth"},
		{Name: "swin-l", File: "swin_large_patch4_window12_384_22k.pth", Licence: mit, Model: "glip-l", Title: "Swin-L, ImageNet", at: swinStorage + "swin_large_patch4_window12_384_22k.pth"},
	}
}

// Lookup finds a published file by its name here, whose hyphens may be underscores, or by that of the file. The
// error wraps [ErrUnknown].
func Lookup(name string) (Item, error) {
	items := Items()
	plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	at := slices.IndexFunc(items, func(i Item) bool { return i.Name == plain || i.File == name })
	if at >= 0 {
		return items[at], nil
	}
	var names []string
	for _, i := range items {
		names = append(names, i.Name)
	}
	return Item{}, fmt.Errorf("fetch: %.80q: %w; there are %s", name, ErrUnknown, strings.Join(names, ", "))
}

// dead is why an item without an address has none.
const dead = "its only public address, in Microsoft's storage account, has answered 409 (no public access) since May 2023"

// Origin says where a file is published: the beginning of its address, or that there is none.
func (i Item) Origin() string {
	switch {
	case i.at == "":
		return "nowhere any more"
	case i.onHub():
		return "hub: " + i.at
	}
	u, err := url.Parse(i.at)
	if err != nil {
		return i.at
	}
	return u.Host
}

// onHub says whether a file lies in a repository of the hub.
func (i Item) onHub() bool { return i.at == hubGLIP }

// address is where a file is asked for.
func (i Item) address(mirror, endpoint string) (*url.URL, error) {
	switch {
	case mirror != "":
		u, err := url.Parse(mirror)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("fetch: mirror %.200q: %w; want that of a folder, as in https://example.org/weights", mirror, ErrAddress)
		}
		return u.JoinPath(i.File), nil
	case i.at == "":
		return nil, fmt.Errorf("fetch: %s (%s): %w: %s; where another server has it, name that server as the mirror", i.Name, i.File, ErrAddress, dead)
	case i.onHub():
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("fetch: HF_ENDPOINT %.200q: %w; want one that begins with https://, or name a folder of http as the mirror", endpoint, ErrAddress)
		}
		return u.JoinPath(i.at, "resolve", "main", i.File), nil
	}
	return url.Parse(i.at)
}
