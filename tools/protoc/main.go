// Command protoc makes Go of a protocol buffer's schema, beside it: package protocompile reads the .proto, and protoc-gen-go, the plugin
// of google.golang.org/protobuf, writes the .pb.go. So nothing has to be installed.
//
//	go run ./tools/protoc onnx/schema/onnx.proto
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"github.com/glipvk/glipvk/internal/file"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "protoc: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("want one argument, a .proto file")
	}
	code, err := generate(ctx, args[0])
	if err != nil {
		return err
	}
	return file.Replace(strings.TrimSuffix(args[0], ".proto")+".pb.go", code, 0o644)
}

// generate is the Go code of a schema.
func generate(ctx context.Context, path string) ([]byte, error) {
	name := filepath.Base(path)
	c := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{filepath.Dir(path)}}),
		SourceInfoMode: protocompile.SourceInfoStandard, // comments
	}
	files, err := c.Compile(ctx, name)
	if err != nil {
		return nil, err
	}
	parameter := "paths=source_relative"
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{name},
		Parameter:      &parameter,
		ProtoFile:      []*descriptorpb.FileDescriptorProto{protoutil.ProtoFromFileDescriptor(files[0])},
	})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "protoc-gen-go")
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go tool protoc-gen-go: %w: %s", err, strings.TrimSpace(problems.String()))
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out.Bytes(), &response); err != nil {
		return nil, fmt.Errorf("what protoc-gen-go wrote: %w", err)
	}
	if response.GetError() != "" {
		return nil, fmt.Errorf("%s: %s", path, response.GetError())
	}
	if len(response.File) != 1 {
		return nil, fmt.Errorf("%s: protoc-gen-go made %d files, want one", path, len(response.File))
	}
	return []byte(response.File[0].GetContent()), nil
}
