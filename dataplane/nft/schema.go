package nft

import (
	"fmt"
	"hash/fnv"

	"cairn/dataplane/ruleset"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
)

// stickyClients bounds the memory that clients can make the kernel use.
const stickyClients = 1 << 18

// names of the sets that hold no element of a Ruleset.
const (
	dispatchSet     = "dispatch"
	dispatchNodeSet = "dispatch-np"
	stickySet       = "sticky"
)

var (
	addr    = nftables.TypeIPAddr
	proto   = nftables.TypeInetProto
	port    = nftables.TypeInetService
	mark    = nftables.TypeMark
	front   = nftables.MustConcatSetType(addr, proto, port)
	backend = nftables.MustConcatSetType(addr, port)
)

// sets makes descriptions of all sets of a table, by name.
func sets(table *nftables.Table) map[string]*nftables.Set {
	list := []*nftables.Set{
		{Name: ruleset.Local.String(), KeyType: addr},
		{Name: ruleset.Nodes.String(), KeyType: addr},
		{Name: ruleset.Peers.String(), KeyType: addr},
		{Name: ruleset.Vips.String(), KeyType: front, Concatenation: true, IsMap: true, DataType: mark},
		{Name: ruleset.Endpoints.String(), KeyType: nftables.MustConcatSetType(addr, proto, port, mark), Concatenation: true, IsMap: true, DataType: backend},
		{Name: ruleset.NodePorts.String(), KeyType: nftables.MustConcatSetType(proto, port), Concatenation: true, IsMap: true, DataType: front},
		{Name: ruleset.Live.String(), KeyType: nftables.MustConcatSetType(addr, proto, port, addr, port), Concatenation: true},
		{Name: ruleset.Hairpin.String(), KeyType: nftables.MustConcatSetType(addr, addr), Concatenation: true},
		{Name: dispatchSet, KeyType: mark, IsMap: true, DataType: nftables.TypeVerdict, KeyByteOrder: binaryutil.NativeEndian},
		{Name: dispatchNodeSet, KeyType: mark, IsMap: true, DataType: nftables.TypeVerdict, KeyByteOrder: binaryutil.NativeEndian},
		{
			Name: stickySet, KeyType: nftables.MustConcatSetType(addr, addr, proto, port), Concatenation: true,
			IsMap: true, DataType: backend, Dynamic: true, HasTimeout: true, Size: stickyClients,
		},
	}
	byName := make(map[string]*nftables.Set, len(list))
	for i, s := range list {
		s.Table = table
		s.ID = uint32(i + 1) // only meaningful inside one transaction
		byName[s.Name] = s
	}
	return byName
}

// setOrder is the order in which sets are made and flushed.
var setOrder = []string{
	"local", "nodes", "hairpin", "peers", "vips", "endpoints", "nodeports", "live",
	dispatchSet, dispatchNodeSet, stickySet,
}

// format rises when the translation of rules or sets changes, so that a table
// left by an older binary is made anew.
const format = 1

// seal is the name of an empty chain that says what the table's constant
// chains were made from.
func seal(r ruleset.Ruleset) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %+v", format, r.Chains)
	return fmt.Sprintf("seal-%016x", h.Sum64())
}
