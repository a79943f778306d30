package sweep

import "cairn/tools/cairn/cell"

func network(*cell.Settings) error { return nil }
