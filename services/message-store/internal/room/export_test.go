package room

// Remembered is of how many users a state knows when they posted.
func (s *State) Remembered() int { return len(s.posted) }
