package queue

import (
	"context"
	"slices"
	"time"
)

// Key is a hash of what must be equal, SHA-256 say. The zero key is equal to none.
type Key [32]byte

// Extent is what units must share to be computed in one batch. The queue compares it and nothing more.
type Extent struct {
	Height, Width int // pixels of the picture as it is padded
	Tokens        int // of the prompt as it is padded
	Labels        int // likewise
}

// Priority is one of the two that units have.
type Priority int

// The priorities, by who goes first.
const (
	High Priority = iota
	Low
)

// State is how far a request has come.
type State int

// The states, in their order.
const (
	Reading   State = iota // its body is on the way
	Checked                // the body is there and looked through
	Waiting                // its units are in the line, encoded
	Preparing              // decoded and resized, beside the device
	Ready                  // to be computed
	Computing              // not to be stopped any more
	States                 // how many there are
)

// String is the word that metrics have.
func (s State) String() string {
	return [...]string{"reading", "checked", "waiting", "preparing", "ready", "computing", "done"}[s]
}

// task is work that is done once, for all units that ask the same.
type task struct {
	whole, picture Key
	sight          *sight // of the picture; nil for one without a key
	extent         Extent
	job, prepared  any
	state          State   // from Waiting on; States once nobody waits for it or it is answered
	units          []*unit // whose callers wait, in the order in which they came
	stop           context.CancelFunc
	preparing      time.Duration // that its preparation took
	priority       Priority      // the best of its units' when it was taken
	picked         bool          // in the choice under way
}

// remembered says whether a task is known to cost less than others.
func (t *task) remembered() bool { return t.sight != nil && t.sight.remembered }

// sight is a picture that tasks have.
type sight struct {
	tasks      int  // that are not done
	remembered bool // or will be, in the choice under way
}

// unit is one caller's wish for a task: one picture and one prompt.
type unit struct {
	task      *task
	call      *call
	at        int // which of the call's units
	client    string
	size      int64
	priority  Priority
	class     Priority // the priority, or High once it waited long enough
	entered   time.Time
	number    uint64 // of arrival
	overtaken int    // units that came after it in the line and were computed before it
	passed    int    // the same, with those of the choice under way
	shared    bool   // another came first
	queued    bool   // it is in the line
}

// reply is what became of one unit.
type reply struct {
	value                      any
	waited, prepared, computed time.Duration
	batch                      int
	shared                     bool
}

// call is one request whose units are in the queue.
type call struct {
	units   []*unit
	replies []reply
	left    int   // units that are not answered
	err     error // why the request fails
	done    chan struct{}
	over    bool // answered, failed or given up
}

// ageing is after how long a unit counts as one of high priority.
const ageing = 5 * time.Second

// line is the units that wait, by whose turn it is: those of high priority first, and of one priority one of each client, then
// the next of each. Units of one client stay as they came.
type line struct {
	classes [2]turns
	units   [2]int   // by the priority they came with
	bytes   [2]int64 // likewise
	alive   []*client
}

// turns are the clients of one priority.
type turns struct {
	of   map[string]*client
	ring []*client // the next first
}

// client has units of one client, of one priority, in the order in which they came.
type client struct {
	name  string
	units []*unit
}

// length is how many units wait.
func (l *line) length() int { return l.units[High] + l.units[Low] }

// mixed says whether units of both priorities wait.
func (l *line) mixed() bool { return len(l.classes[High].ring) > 0 && len(l.classes[Low].ring) > 0 }

// push puts a unit into the line.
func (l *line) push(u *unit) {
	u.class, u.queued = u.priority, true
	l.units[u.priority]++
	l.bytes[u.priority] += u.size
	l.insert(u)
}

// insert puts a unit among its client's.
func (l *line) insert(u *unit) {
	t := &l.classes[u.class]
	c := t.of[u.client]
	if c == nil {
		if t.of == nil {
			t.of = map[string]*client{}
		}
		c = &client{name: u.client}
		t.of[u.client] = c
		t.ring = append(t.ring, c)
	}
	i, _ := c.find(u)
	c.units = slices.Insert(c.units, i, u)
}

// find is where a unit is among its client's, or would be.
func (c *client) find(u *unit) (int, bool) {
	if n := len(c.units); n > 0 && c.units[n-1].number < u.number {
		return n, false
	}
	return slices.BinarySearchFunc(c.units, u.number, func(v *unit, number uint64) int {
		switch {
		case v.number < number:
			return -1
		case v.number > number:
			return 1
		}
		return 0
	})
}

// remove takes a unit out of the line; its client keeps its turn.
func (l *line) remove(u *unit) *client {
	u.queued = false
	l.units[u.priority]--
	l.bytes[u.priority] -= u.size
	return l.pull(u)
}

// pull takes a unit from among its client's, and is whose those were.
func (l *line) pull(u *unit) *client {
	t := &l.classes[u.class]
	c := t.of[u.client]
	i, _ := c.find(u)
	c.units = slices.Delete(c.units, i, i+1)
	if len(c.units) == 0 {
		delete(t.of, c.name)
		i := slices.Index(t.ring, c)
		t.ring = slices.Delete(t.ring, i, i+1)
	}
	return c
}

// serve takes a unit out of the line whose turn has come: its client's next turn is after those of all others.
func (l *line) serve(u *unit) {
	c := l.remove(u)
	if len(c.units) > 0 {
		ring := l.classes[u.class].ring
		i := slices.Index(ring, c)
		copy(ring[i:], ring[i+1:])
		ring[len(ring)-1] = c
	}
}

// age moves units that have waited long enough to those of high priority.
func (l *line) age(now time.Time) {
	for again := l.units[Low] > 0; again; {
		again = false
		for _, c := range l.classes[Low].ring {
			if u := c.units[0]; now.Sub(u.entered) >= ageing {
				l.pull(u)
				u.class = High
				l.insert(u)
				again = true
				break // the ring may have changed
			}
		}
	}
}

// order appends the units to a list, by whose turn it is.
func (l *line) order(list []*unit) []*unit {
	for class := range l.classes {
		l.alive = append(l.alive[:0], l.classes[class].ring...)
		alive := l.alive
		for round := 0; len(alive) > 0; round++ {
			left := alive[:0]
			for _, c := range alive {
				list = append(list, c.units[round])
				if round+1 < len(c.units) {
					left = append(left, c)
				}
			}
			alive = left
		}
	}
	return list
}
