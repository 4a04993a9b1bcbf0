// Copyright 2024 The Authors. All rights reserved.
// Use of this source code is governed by a BSD-style license.

// Package kv keeps keys.
package kv

import "errors"

// ErrMissing says that there is
// no such key.
var ErrMissing = errors.New("missing")

const (
	// DefaultSize is what New takes.
	DefaultSize = 16
	maxDepth    = 4
)

// Store keeps values.
type Store[V any] struct {
	items map[string]V
}

type (
	// Getter finds values.
	Getter interface {
		Get(key string) (string, error)
	}

	Key string
)

func (s *Store[V]) Get(key string) (V, error) {
	value := s.items[key]
	return value, nil
}

// New makes a store.
func New(size int) *Store[string] {
	return &Store[string]{items: make(map[string]string, size)}
}
