package cell

import (
	"errors"
	"fmt"
)

// Exit codes of every command; help texts print this table.
const (
	ExitFailed     = 1
	ExitUsage      = 2
	ExitRefused    = 3
	ExitUnknown    = 4
	ExitUnverified = 5
)

// Coded is an error with the exit code that the command ends with.
type Coded struct {
	Code int
	Err  error
}

func (c *Coded) Error() string { return c.Err.Error() }
func (c *Coded) Unwrap() error { return c.Err }

// Refuse says that what was asked for is not done, and what to do instead.
func Refuse(format string, args ...any) error {
	return &Coded{ExitRefused, fmt.Errorf(format, args...)}
}

// Misused says that flags or arguments are wrong.
func Misused(format string, args ...any) error {
	return &Coded{ExitUsage, fmt.Errorf(format, args...)}
}

// Unverified says that what should be equal is not.
func Unverified(format string, args ...any) error {
	return &Coded{ExitUnverified, fmt.Errorf(format, args...)}
}

// ExitCode is the code that a command ends with.
func ExitCode(err error) int {
	var c *Coded
	switch {
	case err == nil:
		return 0
	case errors.As(err, &c):
		return c.Code
	}
	return ExitFailed
}
