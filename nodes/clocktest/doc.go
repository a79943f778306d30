// Package clocktest is a clock whose time moves only when it is moved: from one
// timer to the next, never past one.
//
// In: a start. Out: a Clock for whatever takes a k8s.io/utils/clock. (The fake
// clock of k8s.io/utils cannot say when its next timer is due, and each of its
// timers costs as much as there are others; here a heap does both.)
//
// Promises: Step fires exactly one timer, the earliest, and of those due at one
// moment the oldest; a timer of no length fires at once; nothing else fires.
//
// A test that has many goroutines on the clock runs in a bubble of
// testing/synctest and hands Run its Wait: all that a timer set off has then
// come to rest before the next one fires.
//
// Goroutines: none. A Clock may be used from several; Step and Run from one.
//
// Read first: TestTimersFireOneByOneInTheirOrder.
package clocktest
