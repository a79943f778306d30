package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"cairn/events/ledger"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/kafka"
	"cairn/tools/cairn/cell"
)

// openLedger opens a cell's ledger to append to. What is wrong with it, and
// would be wrong again, is a refusal.
func openLedger(ctx context.Context, paths cell.Paths, s *cell.Settings) (ledger.Ledger, error) {
	return ledgerOf(ctx, paths, s, false)
}

// readLedger opens a cell's ledger beside whoever appends to it.
func readLedger(ctx context.Context, paths cell.Paths, s *cell.Settings) (ledger.Ledger, error) {
	return ledgerOf(ctx, paths, s, true)
}

func ledgerOf(ctx context.Context, paths cell.Paths, s *cell.Settings, readOnly bool) (ledger.Ledger, error) {
	var log ledger.Ledger
	var err error
	switch {
	case s.Ledger == "embedded" && readOnly:
		log, err = keep(embedded.OpenReadOnly(paths.Ledger()))
	case s.Ledger == "embedded":
		log, err = keep(embedded.Open(paths.Ledger(), embedded.Options{}))
	default:
		brokers, topic, perr := parseKafka(s.Ledger, s.Name)
		if perr != nil {
			return nil, perr
		}
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		log, err = keep(kafka.Open(ctx, kafka.Config{Brokers: brokers, Topic: topic, CreateReplication: createReplication(brokers, readOnly)}))
	}
	if err == nil {
		return log, nil
	}
	var damage *ledger.Damage
	if errors.Is(err, ledger.ErrSettings) || errors.Is(err, ledger.ErrUnreachable) || errors.As(err, &damage) {
		return nil, &cell.Coded{Code: cell.ExitRefused, Err: err}
	}
	return nil, fmt.Errorf("open the ledger: %w", err)
}

// keep makes an interface of a driver, nil where there is none.
func keep[L ledger.Ledger](log L, err error) (ledger.Ledger, error) {
	if err != nil {
		return nil, err
	}
	return log, nil
}

// createReplication is 0 (never create) for readers, else 3 where there are brokers enough.
func createReplication(brokers []string, readOnly bool) int {
	switch {
	case readOnly:
		return 0
	case len(brokers) >= 3:
		return 3
	}
	return 1
}

// removeTopics says how to remove what a cell has in Kafka: all of it, since
// feeds make no sense beside another ledger.
func removeTopics(s *cell.Settings) string {
	brokers, topic, err := parseKafka(s.Ledger, s.Name)
	if err != nil {
		return "remove the folder"
	}
	prefix := strings.TrimSuffix(topic, ".ledger")
	return fmt.Sprintf("remove its topics for ever with `kafka-topics.sh --bootstrap-server %s --delete --topic '%s\\.(ledger|assignments|vips)'`", brokers[0], strings.ReplaceAll(prefix, ".", "\\."))
}

// parseKafka reads kafka://HOST:PORT[,HOST:PORT][/PREFIX]; the topic is
// PREFIX.ledger, and PREFIX the cell's name unless given.
func parseKafka(text, name string) (brokers []string, topic string, err error) {
	rest, ok := strings.CutPrefix(text, "kafka://")
	hosts, prefix, _ := strings.Cut(rest, "/")
	if prefix == "" {
		prefix = name
	}
	brokers = strings.Split(hosts, ",")
	for _, b := range brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			ok = false
		}
	}
	if !ok || strings.ContainsAny(prefix, "/ ") {
		return nil, "", cell.Misused("--ledger %q won't do: write embedded, or kafka://HOST:PORT[,HOST:PORT][/PREFIX]", text)
	}
	return brokers, prefix + ".ledger", nil
}
