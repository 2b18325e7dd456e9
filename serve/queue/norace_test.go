//go:build !race

package queue

// schedules is how many random ones are tried.
const schedules = 10000
