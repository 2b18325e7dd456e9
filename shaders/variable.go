package shaders

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// sharedVariable is one variable in workgroup memory.
type sharedVariable struct {
	name string
	typ  uint32 // id of its type
}

// buildSpecs describes the specialization constants.
func (p *parser) buildSpecs() error {
	for _, id := range p.specs {
		specID, ok := p.decorated[id][decorationSpecID]
		if !ok {
			continue // cannot be specialized
		}
		def := p.defs[id]
		spec := SpecConstant{ID: specID, Name: p.names[id], Kind: p.specKind(def.arg(0))}
		switch def.op {
		case opSpecConstantTrue:
			spec.Default = 1
		case opSpecConstant:
			spec.Default = uint64(def.arg(2))<<32 | uint64(def.arg(1))
		}
		p.module.SpecConstants = append(p.module.SpecConstants, spec)
	}
	slices.SortFunc(p.module.SpecConstants, func(a, b SpecConstant) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

func (p *parser) specKind(typ uint32) SpecKind {
	def := p.defs[typ]
	switch {
	case def.op == opTypeBool:
		return SpecBool
	case def.op == opTypeInt && def.arg(0) == 32 && def.arg(1) == 0:
		return SpecUint
	case def.op == opTypeInt && def.arg(0) == 32:
		return SpecInt
	case def.op == opTypeInt && def.arg(0) == 64 && def.arg(1) == 0:
		return SpecUint64
	case def.op == opTypeInt && def.arg(0) == 64:
		return SpecInt64
	case def.op == opTypeFloat && def.arg(0) == 32:
		return SpecFloat
	case def.op == opTypeFloat && def.arg(0) == 64:
		return SpecFloat64
	}
	return SpecOther
}

// buildVariable describes one module-level variable by its storage class.
func (p *parser) buildVariable(id uint32) error {
	variable := p.defs[id]
	pointer := p.defs[variable.arg(0)]
	if pointer.op != opTypePointer {
		return errors.New("its type is not a pointer")
	}
	class, typ := variable.arg(1), pointer.arg(1)
	switch class {
	case storageStorageBuffer, storageUniform, storageUniformConstant:
		return p.buildBinding(id, class, typ)
	case storagePushConstant:
		return p.buildPush(typ)
	case storageWorkgroup:
		p.module.shared = append(p.module.shared, sharedVariable{p.names[id], typ})
	}
	return nil
}

func (p *parser) buildBinding(id, class, typ uint32) error {
	decor := p.decorated[id]
	binding, ok := decor[decorationBinding]
	if !ok {
		return errors.New("it has no binding")
	}
	b := Binding{Set: decor[decorationDescriptorSet], Binding: binding, Count: 1}
	if _, taken := p.module.Binding(b.Set, b.Binding); taken {
		return fmt.Errorf("set %d binding %d is declared twice", b.Set, b.Binding)
	}
	switch def := p.defs[typ]; def.op {
	case opTypeArray:
		count, err := p.module.consts.under(nil).value(def.arg(1))
		if err != nil {
			return err
		}
		typ, b.Count = def.arg(0), uint32(count)
	case opTypeRuntimeArray:
		typ, b.Count = def.arg(0), 0
	}
	b.Kind = p.kind(class, typ)
	b.Name = cmp.Or(p.names[typ], p.names[id])
	b.ReadOnly = b.Kind == UniformBuffer || b.Kind == UniformTexelBuffer || p.declared(id, typ, decorationNonWritable)
	b.WriteOnly = p.declared(id, typ, decorationNonReadable)
	b.Restrict = p.declared(id, typ, decorationRestrict)
	p.module.Bindings = append(p.module.Bindings, b)
	return nil
}

// kind is the descriptor type of a variable by its storage class and the type of one element.
func (p *parser) kind(class, typ uint32) BindingKind {
	_, bufferBlock := p.decorated[typ][decorationBufferBlock]
	_, block := p.decorated[typ][decorationBlock]
	image := p.defs[typ]
	if image.op == opTypeSampledImage {
		image = p.defs[image.arg(0)]
	}
	texels := class == storageUniformConstant && image.op == opTypeImage && image.arg(1) == dimBuffer
	switch {
	case class == storageStorageBuffer, class == storageUniform && bufferBlock:
		return StorageBuffer
	case class == storageUniform && block:
		return UniformBuffer
	case texels && image.arg(5) == imageOfStorage:
		return StorageTexelBuffer
	case texels:
		return UniformTexelBuffer
	}
	return OtherBinding
}

// declared reports whether a variable or every member of its structure carries a decoration: compilers do either.
func (p *parser) declared(id, typ, decoration uint32) bool {
	if _, ok := p.decorated[id][decoration]; ok {
		return true
	}
	def := p.defs[typ]
	if def.op != opTypeStruct {
		return false
	}
	for i := range def.operands {
		if _, ok := p.memberDecor[member{typ, uint32(i)}][decoration]; !ok {
			return false
		}
	}
	return len(def.operands) > 0
}

func (p *parser) buildPush(typ uint32) error {
	def := p.defs[typ]
	if def.op != opTypeStruct {
		return errors.New("the push constants are not a block")
	}
	if p.module.Push.Members != nil {
		return errors.New("a second push-constant block")
	}
	push := PushBlock{Name: p.names[typ]}
	eval := p.module.consts.under(nil)
	for i, memberType := range def.operands {
		key := member{typ, uint32(i)}
		offset, ok := p.memberDecor[key][decorationOffset]
		if !ok {
			return fmt.Errorf("push constant %d has no offset", i)
		}
		bytes, err := p.module.consts.explicitSize(key, memberType, eval, 0)
		if err != nil {
			return fmt.Errorf("push constant %d: %w", i, err)
		}
		end := uint64(offset) + bytes
		if end > maxBytes {
			return fmt.Errorf("push constant %d ends at byte %d", i, end)
		}
		push.Members = append(push.Members, PushMember{Name: p.memberNames[key], Offset: offset, Size: uint32(bytes)})
		push.Size = max(push.Size, uint32(alignUp(end, 4)))
	}
	p.module.Push = push
	return nil
}
