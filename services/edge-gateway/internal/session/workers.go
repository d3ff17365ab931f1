package session

import "sync"

// idleWorkers is how many goroutines wait for more to do.
const idleWorkers = 64

// workers run jobs that are short, mostly, on goroutines that are used again: growing a new stack for every message would
// cost more than the message. Any number runs at the same time: who starts jobs bounds them. Safe for concurrent use.
type workers struct {
	jobs chan func()
	stop chan struct{}
	all  sync.WaitGroup
	idle chan struct{} // a slot for each that waits
}

func newWorkers() *workers {
	return &workers{jobs: make(chan func()), stop: make(chan struct{}), idle: make(chan struct{}, idleWorkers)}
}

// do starts a job. It does not wait.
func (w *workers) do(job func()) {
	select {
	case w.jobs <- job:
	default:
		w.all.Go(func() { w.run(job) })
	}
}

func (w *workers) run(job func()) {
	for {
		job()
		select {
		case w.idle <- struct{}{}:
		default:
			return
		}
		select {
		case job = <-w.jobs:
			<-w.idle
		case <-w.stop:
			return
		}
	}
}

// close ends the workers when their jobs are done; no more are started.
func (w *workers) close() {
	close(w.stop)
	w.all.Wait()
}
