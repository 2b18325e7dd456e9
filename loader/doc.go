// Package loader reads weights from PyTorch and safetensors checkpoints.
//
// It understands the zip format of torch.save (1.6 and later), the legacy
// stream before it, single safetensors files and sharded safetensors sets.
// Opening reads the index only: names, shapes, dtypes and where the bytes are.
// A tensor's bytes are read when [Checkpoint.Tensor] or [Checkpoint.Read] asks
// for them; nothing is mapped, so a file may shrink meanwhile and is an error then.
//
//	ckpt, err := loader.Open("swin-t_glip-pre_3rdparty_20230413-d85813b5.pth")
//	if err != nil {
//		return err
//	}
//	defer ckpt.Close()
//	for _, name := range ckpt.Names() {
//		shape, data, err := ckpt.Tensor(name) // row-major float32
//		...
//	}
//
// A checkpoint is untrusted input. Nothing a pickle names is ever called:
// classes on a short allow-list become tensor descriptors or inert nodes, any
// other class is refused by its full name ([ErrUnsafe]). Before gopickle's
// unpickler sees a stream, a cheaper pass has checked every opcode, length,
// stack depth and memo slot, so that a damaged or hostile file costs memory
// in proportion to its size and ends in an error, never in a panic.
//
// The package knows nothing of models, graphs or devices; names come out as
// they stand in the file. Besides gopickle and golang.org/x it imports only the
// package that opens files.
package loader
