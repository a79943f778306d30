// Package sealing encrypts the bodies of Secrets before they reach the ledger,
// and opens them for readers.
//
// In: a key file, plain bodies. Out: sealed bodies (a random 12-byte nonce,
// then AES-256-GCM), and the id of the key, which the record's part names.
//
// Promises: what is sealed for one object and column opens for no other (both
// are authenticated). A ring keeps every key it ever held, so that the past
// stays readable; new bodies use the last one. Errors never hold plain text.
//
// The ring is immutable once read: safe for any number of goroutines. Only
// Open touches the disk.
package sealing
