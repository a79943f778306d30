// Package volumes prepares what a pod mounts: emptyDir, configMap, secret,
// projected (service account token, config maps, secrets, downward API),
// downwardAPI and hostPath.
//
// In: the pod and the objects it names (Source), and its two directories
// (Dirs): one on disk, one in memory. Out: a path on the host for each volume,
// and the mounts of a container in the words of an OCI spec.
//
// Promises: what comes from a Secret or a token is written below Dirs.Memory
// only, which the caller keeps on a tmpfs. A volume's files change together:
// they lie in a directory of their own that the symbolic link ..data names,
// and an update swaps the link. A subPath that leads out of its volume is
// refused, also by way of a symbolic link that a container planted: what is
// mounted is the file that was checked. A kind of volume that is not done is
// refused by its name. Teardown unmounts everything below both directories
// first, so removing them can never reach into a hostPath.
//
// Goroutines: none. Payload is pure.
//
// Read first: TestSecretsAreInMemoryOnly, TestASubPathCannotLeaveItsVolume.
package volumes
