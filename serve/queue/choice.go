package queue

import "slices"

// overtakes is by how many units that come after it in the line a unit may be overtaken.
const overtakes = 8

// choice is one that is under way: the line's order, what was taken of it, and by how many each unit is overtaken with that.
type choice struct {
	order []*unit
	near  bool    // some picture is remembered
	taken []*task // also by earlier batches of the choice
}

// begin makes a choice among the units of an order.
func (c *choice) begin(order []*unit) {
	c.order, c.near = order, false
	for _, u := range order {
		u.passed = u.overtaken
		c.near = c.near || u.task.remembered()
	}
}

// end forgets what was taken.
func (c *choice) end() {
	for _, t := range c.taken {
		t.picked = false
	}
	clear(c.taken)
	clear(c.order) // what is done must not be held
	c.taken, c.order = c.taken[:0], nil
}

// pick takes the next batch of those tasks that may be, size at most; none if there is none. It is led by the first, or by one
// of the same priority whose picture is remembered, which costs less, and filled with tasks of the leader's extent: such whose
// picture is remembered or the leader's first, then in order. A unit that has been overtaken often enough is overtaken by none.
// Tasks of one picture come out side by side.
func (c *choice) pick(size int, may func(*task) bool) []*task {
	lead := c.leader(may)
	if lead < 0 {
		return nil
	}
	from := len(c.taken)
	reach := c.take(lead)
	head := c.order[lead].task
	for _, near := range []bool{true, false} {
		if near && !c.near && (head.sight == nil || head.sight.tasks == 1) {
			continue
		}
		for p := 0; p <= min(reach, len(c.order)-1) && len(c.taken)-from < size; p++ {
			t := c.order[p].task
			if !t.picked && t.extent == head.extent && may(t) && (!near || t.remembered() || t.sight != nil && t.sight == head.sight) {
				reach = c.take(p)
			}
		}
	}
	return together(slices.Clone(c.taken[from:]))
}

// leader is where in the order the unit is that leads the next batch; negative if there is none.
func (c *choice) leader(may func(*task) bool) int {
	head, first := -1, -1
	for p, u := range c.order {
		if u.task.picked {
			continue
		}
		if head < 0 {
			head = p
		}
		if u.class != c.order[head].class {
			break // a decoded unit of low priority does not go before one of high priority that is being decoded
		}
		if may(u.task) {
			if u.task.remembered() {
				return p
			}
			if first < 0 {
				first = p
			}
		}
		if u.passed >= overtakes || first >= 0 && !c.near {
			break
		}
	}
	return first
}

// take takes the task at a place of the order: all that stand before it are overtaken. It returns the last place that may now be
// taken from, which is that of the first unit that nobody may overtake any more.
func (c *choice) take(p int) int {
	t := c.order[p].task
	t.picked = true
	c.taken = append(c.taken, t)
	for _, u := range c.order[:p] {
		if !u.task.picked {
			u.passed++
		}
	}
	for q, u := range c.order {
		if !u.task.picked && u.passed >= overtakes {
			return q
		}
	}
	return len(c.order)
}

// together puts tasks of one picture side by side, at the place of the first of them.
func together(batch []*task) []*task {
	for i := 1; i < len(batch); i++ {
		j := i
		for j > 0 && (batch[j-1].sight == nil || batch[j-1].sight != batch[i].sight) {
			j--
		}
		if j > 0 && j < i { // it belongs behind another of its picture
			t := batch[i]
			batch = slices.Insert(slices.Delete(batch, i, i+1), j, t)
		}
	}
	return batch
}
