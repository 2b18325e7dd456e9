package cpu

// native are the sets of this processor: NEON is part of the architecture.
func native() []*kernels {
	k := portable()
	k.name, k.columns = NEON, 8
	k.inTiles(neonTile1, neonTile2, neonTile3, neonTile4, neonTile5, neonTile6, neonTile7, neonTile8)
	return []*kernels{k}
}
