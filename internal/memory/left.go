package memory

// Left is what there is still.
type Left struct {
	Bytes int64
	Of    string // what bounds it, as in "ulimit -v"
}

// machine is the bound that all processes share.
const machine = "the machine's memory"
