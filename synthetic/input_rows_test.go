package synthetic_test

// inputRow is one golden input: size, seed and the digest of its float32 bytes.
type inputRow struct {
	name                 string
	batch, height, width int
	seed                 uint64
	want                 string
}

func inputRows() []inputRow {
	return []inputRow{
		{"1x384x384 seed 10", 1, 384, 384, 10,
			"8cd248096d6cbfa543109f6b2c0670522bca50171c7d5d7504aa450085517bdc"},
		{"1x200x333 seed 8", 1, 200, 333, 8,
			"a8fdc09a4438168c451f6daf4f0195ed9b60dae7a09bebc25f432fc8bfc3961a"},
		{"1x224x224 seed 7", 1, 224, 224, 7,
			"2ff73079db58a433453e747ab515148378cc3b678a0a6020984bd4f7312898da"},
		{"1x800x1333 seed 12", 1, 800, 1333, 12,
			"5a4692f97af0a66be622aca982a14f8b30033b46e510e90c76bff3bb9a402325"},
		{"2x160x96 seed 9", 2, 160, 96, 9,
			"c41510fff76e8d13d6b6a7ec62823c965f6322ce022d83a7b3f2adee011e58c3"},
		{"2x160x96 seed 8", 2, 160, 96, 8,
			"ac6322c158f640cdae7fb8771bb096d730041d6fe5f661093b7c0bec5b2b5ecd"},
		{"1x16x16 seed 5", 1, 16, 16, 5,
			"e20e97ddc99c2b85d562a0fa01ec8ec2b11c20f36f3f1f336fa1d0a47fed700f"},
		{"1x1x1 seed 5", 1, 1, 1, 5,
			"92d46ff9ccc203be87faeac190dc63aeb283c451fbe1332d2d233963e8b32854"},
		{"1x61x45 seed 1", 1, 61, 45, 1,
			"b2529766400626decd793e4559d4a90381071606efacf0e6856abdce0f372485"},
		{"1x97x101 seed 2", 1, 97, 101, 2,
			"ff11588327b4f53aa2a10070010c6b1ebfe2c5a168990bd763825a773b1a8cdc"},
		{"3x46x77 seed 4", 3, 46, 77, 4,
			"851364fe4d0d238ac87ef65c0a3280353fe996f4daa4caef8f6d53f36ce8ac63"},
		{"1x61x45 seed 3", 1, 61, 45, 3,
			"e4df97a6680b3e755dd41b0558175bf122c3522381df57040204c986bd7de42d"},
		{"1x128x128 seed 21", 1, 128, 128, 21,
			"aebd138104241b35d5ba1a4d3feffb6e0216ba9c83889fece2254114af4046b7"},
	}
}
