package serve

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/v1"
)

// keepsFor is how long a picture is kept after it was last asked about.
const keepsFor = 15 * time.Minute

// images are the pictures that clients asked to be kept, in memory. Their IDs are random: one made of the content would let
// anybody ask whether a picture was seen.
type images struct {
	most      int   // pictures
	mostBytes int64 // of them all

	mu    sync.Mutex
	list  []kept // the least recently used first
	bytes int64
}

// kept is a picture with the time until which it stays.
type kept struct {
	v1.Kept
	until time.Time
}

// keep keeps a picture, for which others may have to go.
func (s *images) keep(k v1.Kept) (v1.Kept, error) {
	n := int64(len(k.Data))
	if s.most == 0 || n > s.mostBytes {
		return v1.Kept{}, api.Refuse(api.TooLarge, "a picture of %d bytes is not kept: at most %d bytes are (--keep)", n, s.mostBytes)
	}
	var id [16]byte
	rand.Read(id[:]) // which does not fail
	k.ID, k.Expires = hex.EncodeToString(id[:]), keepsFor
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.expire(now)
	for len(s.list) >= s.most || s.bytes+n > s.mostBytes {
		s.drop(0)
	}
	s.list = append(s.list, kept{k, now.Add(keepsFor)})
	s.bytes += n
	return k, nil
}

// get finds a picture, which then stays longer.
func (s *images) get(id string) (v1.Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.expire(now)
	at := s.index(id)
	if at < 0 {
		return v1.Kept{}, unknown(id)
	}
	k := s.list[at]
	k.until = now.Add(keepsFor)
	copy(s.list[at:], s.list[at+1:])
	s.list[len(s.list)-1] = k
	return k.Kept, nil
}

// forget forgets a picture.
func (s *images) forget(id string) (v1.Kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(time.Now())
	at := s.index(id)
	if at < 0 {
		return v1.Kept{}, unknown(id)
	}
	k := s.list[at].Kept
	s.drop(at)
	return k, nil
}

// size is how many pictures there are, and their bytes.
func (s *images) size() (n int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(time.Now())
	return len(s.list), s.bytes
}

func unknown(id string) error {
	return api.Refuse(api.NoImage, "no picture %.64q is kept: they go %d minutes after they were last asked about, or when others need the room; send it again", id, int(keepsFor.Minutes()))
}

func (s *images) index(id string) int {
	for i, k := range s.list {
		if k.ID == id {
			return i
		}
	}
	return -1
}

// expire drops what was not asked about for long; the list is in the order of that.
func (s *images) expire(now time.Time) {
	for len(s.list) > 0 && !s.list[0].until.After(now) {
		s.drop(0)
	}
}

func (s *images) drop(at int) {
	s.bytes -= int64(len(s.list[at].Data))
	s.list[at].Data = nil
	s.list = append(s.list[:at], s.list[at+1:]...)
}
