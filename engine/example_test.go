package engine_test

import (
	"context"
	"encoding/binary"
	"log"

	"github.com/glipvk/glipvk/engine"
)

// Example doubles 1024 floats; errors are elided where they would be handled alike.
func Example() {
	var code []uint32 // SPIR-V of a shader with one storage buffer and n as push constant
	ctx := context.Background()
	dev, err := engine.Open(engine.Options{})
	if err != nil {
		log.Print(err) // says what to install, or to use the CPU
		return
	}
	defer dev.Close()
	x, _ := dev.NewBuffer(4096, engine.DeviceMemory, "x")
	defer x.Close()
	_ = dev.Upload(ctx, x, 0, make([]byte, 4096))
	double, _ := dev.Pipeline(ctx, engine.PipelineSpec{Label: "double", Code: code, Bindings: 1, PushBytes: 4})
	rec, _ := dev.NewRecorder("example", engine.RecorderOptions{})
	rec.Dispatch(engine.Dispatch{Label: "double x", Pipeline: double, Groups: [3]int{16, 1, 1},
		Bindings: []engine.Binding{{Buffer: x, Size: 4096, Access: engine.ReadWrite}},
		Push:     binary.LittleEndian.AppendUint32(nil, 1024)})
	cmds, err := rec.Finish() // any mistake above is reported here
	if err != nil {
		log.Print(err)
		return
	}
	defer cmds.Close()
	_ = cmds.Run(ctx)
}
