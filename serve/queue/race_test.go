//go:build race

package queue

// schedules are fewer where each takes ten times as long.
const schedules = 1000
