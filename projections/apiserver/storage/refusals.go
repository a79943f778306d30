package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/kinds"
	"cairn/projections/message"
	"cairn/projections/view"
)

// refusal maps the fold's answer to a record to what a client sees.
func refusal(k *kinds.Kind, key string, e *events.Event, w follower.Written) error {
	r, o := k.Resource(), w.Outcome
	said := message.Outcome(o)
	trail := fmt.Sprintf("%s (record %d)", said, w.Offset)
	switch o.Code {
	case fold.Exists:
		return storage.NewKeyExistsError(key, 0)
	case fold.NotFound:
		if e.Type == events.ObjectCreated { // the namespace
			return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, e.Subject.Namespace)
		}
		return storage.NewKeyNotFoundError(key, 0)
	case fold.Moved:
		return apierrors.NewConflict(r, e.Subject.Name, errors.New(trail))
	case fold.NotEmpty, fold.Unplaceable, fold.Fenced:
		return apierrors.NewConflict(r, e.Subject.Name, errors.New(trail))
	case fold.Invalid:
		return apierrors.NewInvalid(k.Version.GroupKind(), e.Subject.Name, field.ErrorList{
			{Type: field.ErrorTypeInvalid, Field: o.Field, BadValue: field.OmitValueType{}, Detail: said}})
	case fold.Terminating:
		err := apierrors.NewForbidden(r, e.Subject.Name, errors.New(trail))
		err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, namespaceEnding(e.Subject.Namespace))
		return err
	case fold.Quota:
		return apierrors.NewForbidden(r, e.Subject.Name, errors.New(trail))
	case fold.Budget:
		return apierrors.NewTooManyRequests("Cannot evict pod: "+trail, 10)
	}
	return apierrors.NewInternalError(fmt.Errorf("the ledger refused %s of %s as %s: %s", e.Type, e.Subject, o.Code, trail))
}

func namespaceEnding(ns string) metav1.StatusCause {
	return metav1.StatusCause{Type: "NamespaceTerminating", Message: "namespace " + ns + " is being terminated", Field: "metadata.namespace"}
}

// failed maps an append that gave no outcome.
func (e *Engine) failed(ev *events.Event, err error) error {
	switch {
	case errors.Is(err, ledger.ErrTooLarge):
		return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("%s: its record is larger than %d bytes", ev.Subject, ledger.MaxRecordBytes))
	case errors.Is(err, ledger.ErrUnknown), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		s := apierrors.NewTimeoutError(fmt.Sprintf("the outcome of record %s (%s of %s) is not known yet: read it again before you retry", ev.ID, ev.Type, ev.Subject), 0)
		s.ErrStatus.Code = http.StatusGatewayTimeout
		return s
	}
	return e.unavailable(err)
}

// unavailable says that the ledger or the view can't answer now.
func (e *Engine) unavailable(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return apierrors.NewTimeoutError("the view does not catch up with the ledger: "+err.Error(), 1)
	case errors.Is(err, view.ErrStopped):
		return apierrors.NewServiceUnavailable("this server stopped following the ledger: " + err.Error())
	case errors.Is(err, ledger.ErrFull):
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInsufficientStorage,
			Reason: "InsufficientStorage", Message: "nothing was written: the disk that holds the ledger is full: " + err.Error()}}
	}
	return apierrors.NewServiceUnavailable("the ledger does not answer: " + err.Error())
}
