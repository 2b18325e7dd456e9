// Operations whose small operands go with the channel: an invocation takes one column of
// V's and BLOCK rows of it, so that it reads those operands once and divides once, not for
// every element. Neighbouring invocations take neighbouring columns.
layout(constant_id = 1) const uint BLOCK = 8;

struct Place { uint col, row, end; }; // rows row..end-1 of a column; none beyond the last block

// place is that of this invocation among `rows` rows of `cols` columns.
Place place(uint rows, uint cols)
{
    uint e = flatGroup() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint block = e / cols;
    uint row = min(block * BLOCK, rows);
    return Place(e - block * cols, row, min(row + BLOCK, rows));
}
