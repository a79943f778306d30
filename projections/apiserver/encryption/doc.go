// Package encryption encrypts the bodies of Secrets before they reach the
// ledger, and decrypts them for readers.
//
// In: a keyset, plain bodies. Out: encrypted bodies and the id of the key, which
// the record's part names. Keys, formats and rotation are Tink's (AES-256-GCM);
// a keyset wrapped by a key management service opens in the same way.
//
// Promises: what is encrypted for one object and column decrypts for no other
// (both are authenticated). A ring keeps every key it ever held, so that the
// past stays readable; new bodies use the last one, and a body of an older key
// is said to be stale, so that a write that changes nothing else renews it.
// Errors never hold plain text.
//
// The ring is immutable once read: safe for any number of goroutines. Only
// Open touches the disk.
//
// Read first: ring_test.go.
package encryption
