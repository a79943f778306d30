package storage

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/storage"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	"k8s.io/apiserver/pkg/storage/value"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
)

// TestUpstream runs Kubernetes' own suite for a storage.Interface, all of it,
// as its etcd store's tests do. exceptions names what does not hold here.
func TestUpstream(t *testing.T) {
	for name, run := range plain {
		t.Run(name, func(t *testing.T) { run(t.Context(), t, newWorld(t)) })
	}
	for name, run := range special {
		t.Run(name, func(t *testing.T) { run(t.Context(), t, newWorld(t)) })
	}
}

// plain are tests that ask for nothing but a store.
var plain = map[string]func(context.Context, *testing.T, storage.Interface){
	"CreateWithTTL":                              storagetesting.RunTestCreateWithTTL,
	"CreateWithKeyExist":                         storagetesting.RunTestCreateWithKeyExist,
	"UnconditionalDelete":                        storagetesting.RunTestUnconditionalDelete,
	"ConditionalDelete":                          storagetesting.RunTestConditionalDelete,
	"DeleteWithSuggestion":                       storagetesting.RunTestDeleteWithSuggestion,
	"DeleteWithSuggestionAndConflict":            storagetesting.RunTestDeleteWithSuggestionAndConflict,
	"DeleteWithConflict":                         storagetesting.RunTestDeleteWithConflict,
	"DeleteWithSuggestionOfDeletedObject":        storagetesting.RunTestDeleteWithSuggestionOfDeletedObject,
	"ValidateDeletionWithSuggestion":             storagetesting.RunTestValidateDeletionWithSuggestion,
	"ValidateDeletionWithOnlySuggestionValid":    storagetesting.RunTestValidateDeletionWithOnlySuggestionValid,
	"PreconditionalDeleteWithSuggestion":         storagetesting.RunTestPreconditionalDeleteWithSuggestion,
	"PreconditionalDeleteWithOnlySuggestionPass": storagetesting.RunTestPreconditionalDeleteWithOnlySuggestionPass,
	"GetListRecursivePrefix":                     storagetesting.RunTestGetListRecursivePrefix,
	"ListPaging":                                 storagetesting.RunTestListPaging,
	"NamespaceScopedList":                        storagetesting.RunTestNamespaceScopedList,
	"GuaranteedUpdateWithTTL":                    storagetesting.RunTestGuaranteedUpdateWithTTL,
	"GuaranteedUpdateWithConflict":               storagetesting.RunTestGuaranteedUpdateWithConflict,
	"GuaranteedUpdateWithSuggestionAndConflict":  storagetesting.RunTestGuaranteedUpdateWithSuggestionAndConflict,
	"KeySchema":                                  storagetesting.RunTestKeySchema,
	"Watch":                                      storagetesting.RunTestWatch,
	"ClusterScopedWatch":                         storagetesting.RunTestClusterScopedWatch,
	"NamespaceScopedWatch":                       storagetesting.RunTestNamespaceScopedWatch,
	"DeleteTriggerWatch":                         storagetesting.RunTestDeleteTriggerWatch,
	"WatchFromNonZero":                           storagetesting.RunTestWatchFromNonZero,
	"DelayedWatchDelivery":                       storagetesting.RunTestDelayedWatchDelivery,
	"WatchContextCancel":                         storagetesting.RunTestWatchContextCancel,
	"WatcherTimeout":                             storagetesting.RunTestWatcherTimeout,
	"WatchDeleteEventObjectHaveLatestRV":         storagetesting.RunTestWatchDeleteEventObjectHaveLatestRV,
	"WatchInitializationSignal":                  storagetesting.RunTestWatchInitializationSignal,
	"WatchBookmarksWithCorrectResourceVersion":   storagetesting.RunTestOptionalWatchBookmarksWithCorrectResourceVersion,
	"SendInitialEventsBackwardCompatibility":     storagetesting.RunSendInitialEventsBackwardCompatibility,
	"WatchSemantics":                             storagetesting.RunWatchSemantics,
	"WatchSemanticInitialEventsExtended":         storagetesting.RunWatchSemanticInitialEventsExtended,
	"WatchListMatchSingle":                       storagetesting.RunWatchListMatchSingle,
}

// special are those that want more of it.
var special = map[string]func(context.Context, *testing.T, *world){
	"Create": func(ctx context.Context, t *testing.T, w *world) { storagetesting.RunTestCreate(ctx, t, w, w.validate) },
	"Get": func(ctx context.Context, t *testing.T, w *world) {
		w.dropTTL = true
		storagetesting.RunTestGet(ctx, t, w)
	},
	"DeleteOfABrokenObjectThatIsWhole": broken(func(ctx context.Context, t *testing.T, w *world, fail func(bool)) {
		storagetesting.RunTestDeleteWithConflictAndMissingExpectedTransformOrDecodeError(ctx, t, w, fail)
	}),
	"DeleteOfABrokenObject": broken(func(ctx context.Context, t *testing.T, w *world, fail func(bool)) {
		storagetesting.RunTestDeleteExpectedTransformOrDecodeError(ctx, t, w, fail)
	}),
	"DeleteOfABrokenObjectWithSuggestion": broken(func(ctx context.Context, t *testing.T, w *world, _ func(bool)) {
		storagetesting.RunTestDeleteWithSuggestionAndMissingExpectedTransformOrDecodeError(ctx, t, w)
	}),
	"List": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestList(ctx, t, w, w.compact, false, nil)
	},
	"ConsistentList": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestConsistentList(ctx, t, w, w.increaseRV, false, true, false)
	},
	"GetListNonRecursive": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestGetListNonRecursive(ctx, t, w.increaseRV, w)
	},
	"GetListWithErrorAggregation": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestGetListWithErrorAggregation(ctx, t, w, errCorrupt)
	},
	"GetListWithoutErrorAggregation": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestGetListWithoutErrorAggregation(ctx, t, w, errCorrupt)
	},
	"ListContinuation": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestListContinuation(ctx, t, w, nil)
	},
	"ListPaginationRareObject": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestListPaginationRareObject(ctx, t, w, nil)
	},
	"ListContinuationWithFilter": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestListContinuationWithFilter(ctx, t, w, nil)
	},
	"ListInconsistentContinuation": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestListInconsistentContinuation(ctx, t, w, w.compact)
	},
	"ListResourceVersionMatch": func(ctx context.Context, t *testing.T, w *world) {
		w.once = true
		storagetesting.RunTestListResourceVersionMatch(ctx, t, w)
	},
	"GuaranteedUpdate": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestGuaranteedUpdate(ctx, t, w, w.validate)
	},
	"GuaranteedUpdateChecksStoredData": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestGuaranteedUpdateChecksStoredData(ctx, t, w)
	},
	"TransformationFailure": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestTransformationFailure(ctx, t, w)
	},
	"Stats": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestStats(ctx, t, w, codec, prefixed(), false)
	},
	"CompactRevision": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestCompactRevision(ctx, t, w, w.increaseRV, w.compact)
	},
	"WatchFromZero": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestWatchFromZero(ctx, t, w, nil) // the rest is about compaction
	},
	"WatchError": func(ctx context.Context, t *testing.T, w *world) { storagetesting.RunTestWatchError(ctx, t, w) },
	"WatchWithUnsafeDelete": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestWatchWithUnsafeDelete(ctx, t, w, errCorrupt)
	},
	"ProgressNotify": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunOptionalTestProgressNotify(ctx, t, w, w.increaseRV)
	},
	"WatchDispatchBookmarkEvents": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunTestWatchDispatchBookmarkEvents(ctx, t, w, true)
	},
	"WatchErrorIsBlockingFurtherEvents": func(ctx context.Context, t *testing.T, w *world) {
		storagetesting.RunWatchErrorIsBlockingFurtherEvents(ctx, t, w)
	},
}

var codec = serializer.NewCodecFactory(exampleScheme).LegacyCodec(examplev1.SchemeGroupVersion)

var errCorrupt = errors.New("bits flipped")

// broken runs a test of objects that can't be decoded, whose deletion upstream
// has behind a gate.
func broken(run func(context.Context, *testing.T, *world, func(bool))) func(context.Context, *testing.T, *world) {
	return func(ctx context.Context, t *testing.T, w *world) {
		featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.AllowUnsafeMalformedObjectDeletion, true)
		restore := func() {}
		run(ctx, t, w, func(fail bool) {
			restore()
			restore = func() {}
			if fail {
				restore = w.UpdateTransformer(func(t value.Transformer) value.Transformer { return failing{t} })
			}
		})
	}
}

type failing struct{ value.Transformer }

func (failing) TransformFromStorage(context.Context, []byte, value.Context) ([]byte, bool, error) {
	return nil, false, errors.New("synthetic error")
}

// validate checks what is stored: a body without revision or link.
func (w *world) validate(_ context.Context, t *testing.T, key string) {
	t.Helper()
	ref, err := w.ref(w.inside(key))
	must(t, err)
	o, err := w.cell.Get(ref, 0)
	must(t, err)
	stored, _, err := w.decode(w.kind, ref, o.Spec)
	must(t, err)
	if stored.GetResourceVersion() != "" || stored.GetSelfLink() != "" {
		t.Errorf("%s is stored with revision %q and link %q", ref, stored.GetResourceVersion(), stored.GetSelfLink())
	}
}
