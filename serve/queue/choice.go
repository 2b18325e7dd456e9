package queue

import "slices"

// overtakes is by how many units that come after it in the line a unit may be overtaken.
const overtakes = 8

// pick is the next batch of those tasks that may be taken, size at most; none if there is none. The order is the line's. A batch
// is led by the first, or by one of the same priority whose picture is remembered, which costs less, and filled with tasks of
// the leader's extent: such whose picture is remembered or the leader's first, then in order. A unit that has been overtaken often
// enough is overtaken by none. Tasks of one picture come out side by side.
//
// Units' passed and tasks' remembered are the caller's to set; passed is then what it will be once the batch is taken.
func pick(order []*unit, size int, may func(*task) bool) []*task {
	lead := leader(order, may)
	if lead < 0 {
		return nil
	}
	batch := take(nil, order, lead)
	head := order[lead].task
	for _, near := range []bool{true, false} {
		for p := 0; p < len(order) && len(batch) < size; p++ {
			t := order[p].task
			switch {
			case t.picked:
			case t.extent == head.extent && may(t) && (!near || t.remembered || same(t.picture, head.picture)) && p <= reach(order):
				batch = take(batch, order, p)
			}
		}
	}
	for _, t := range batch {
		t.picked = false
	}
	return together(batch)
}

// leader is where in the order the unit is that leads the next batch; negative if there is none.
func leader(order []*unit, may func(*task) bool) int {
	first := -1
	for p, u := range order {
		if u.class != order[0].class {
			break // a decoded unit of low priority does not go before one of high priority that is being decoded
		}
		if may(u.task) {
			if u.task.remembered {
				return p
			}
			if first < 0 {
				first = p
			}
		}
		if u.passed >= overtakes {
			break
		}
	}
	return first
}

// take adds the task at a place of the order to a batch. All that stand before it are overtaken.
func take(batch []*task, order []*unit, p int) []*task {
	t := order[p].task
	t.picked = true
	for _, u := range order[:p] {
		if !u.task.picked {
			u.passed++
		}
	}
	return append(batch, t)
}

// reach is the last place of the order that may be taken from: that of the first unit that nobody may overtake any more.
func reach(order []*unit) int {
	for p, u := range order {
		if !u.task.picked && u.passed >= overtakes {
			return p
		}
	}
	return len(order)
}

// together puts tasks of one picture side by side, at the place of the first of them.
func together(batch []*task) []*task {
	for i := 1; i < len(batch); i++ {
		j := i
		for j > 0 && !same(batch[j-1].picture, batch[i].picture) {
			j--
		}
		if j > 0 && j < i { // t belongs behind another of its picture
			t := batch[i]
			batch = slices.Insert(slices.Delete(batch, i, i+1), j, t)
		}
	}
	return batch
}

// same says whether both are the key of one thing.
func same(a, b Key) bool { return a == b && a != Key{} }
