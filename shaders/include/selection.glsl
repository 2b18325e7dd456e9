// Selection of the LIMIT greatest of many keys, digit by digit from the top. A key is
// q > 0, then the number of the pair, smaller ones first, so no two are equal: as bits
// (31 of q, then 8*INDEX_DIGITS of the number's complement). Pass k counts digit k of the keys whose
// earlier digits are the chosen ones; from these counts, the state before and LIMIT every
// workgroup works out by itself which digit the last key to stay has. The includer declares
// the constants INDEX_DIGITS and LIMIT.
const uint BINS = 256, Q_DIGITS = 4, DIGITS = 7; // at most so many digits

struct Key { uint high, low; };

// control holds for each digit its counts, then the states, then how many keys were kept,
// then how many pairs each part of the scores has in its list.
const uint STATES = BINS * DIGITS, KEPT = STATES + 4 * (DIGITS + 1), PART0 = KEPT + 1;

// shift of digit k within its word.
uint shiftOf(uint k)
{
    if (k < Q_DIGITS)
        return k == 3 ? 0 : 23 - 8 * k; // of 8, 8, 8 and 7 bits
    return 8 * (INDEX_DIGITS + Q_DIGITS - 1 - k);
}

Key keyOf(float q, float index) { return Key(floatBitsToUint(q), ~uint(index) & ((1u << (8 * INDEX_DIGITS)) - 1)); }

uint digitOf(Key key, uint k) { return ((k < Q_DIGITS ? key.high : key.low) >> shiftOf(k)) & (k == 3 ? 127 : 255); }

// begins reports whether the first k digits of two keys are the same.
bool begins(Key a, Key b, uint k)
{
    if (k == 0)
        return true;
    if (k <= Q_DIGITS)
        return (a.high ^ b.high) >> shiftOf(k - 1) == 0;
    return a.high == b.high && (a.low ^ b.low) >> shiftOf(k - 1) == 0;
}

// State: the first digits of the last key to stay, the others 0; how many of the keys that
// begin so stay; and whether all of them do.
struct State { Key key; uint left; bool all; };

shared uint segments[gl_WorkGroupSize.x];

// stateAfter is the state when k digits are chosen, from the counts of digit k - 1. The
// first workgroup keeps it for the next pass. All invocations of a workgroup call it.
State stateAfter(uint k)
{
    State s = State(Key(0, 0), LIMIT, k == 0);
    if (k == 0)
        return s;
    if (k > 1) {
        uint at = STATES + 4 * (k - 1);
        s = State(Key(control[at], control[at + 1]), control[at + 2], control[at + 3] != 0);
    }
    uint me = gl_LocalInvocationID.x, counts = (k - 1) * BINS;
    uint each = (BINS + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x, mine = 0;
    for (uint i = me * each; i < min((me + 1) * each, BINS); i++)
        mine += control[counts + i];
    segments[me] = mine;
    barrier();
    if (!s.all) {
        uint segment = gl_WorkGroupSize.x, above = 0; // keys beyond what was looked at
        while (segment > 0 && above + segments[segment - 1] < s.left)
            above += segments[--segment];
        if (segment == 0)
            s.all = true; // fewer keys than wanted: all stay
        else {
            uint bin = min(segment * each, BINS) - 1;
            uint n = control[counts + bin];
            while (above + n < s.left) {
                above += n;
                n = control[counts + --bin];
            }
            s.left -= above;
            s.all = n == s.left;
            if (k <= Q_DIGITS)
                s.key.high |= bin << shiftOf(k - 1);
            else
                s.key.low |= bin << shiftOf(k - 1);
        }
    }
    if (flatGroup() == 0 && me == 0) {
        uint at = STATES + 4 * k;
        control[at] = s.key.high;
        control[at + 1] = s.key.low;
        control[at + 2] = s.left;
        control[at + 3] = s.all ? 1 : 0;
    }
    return s;
}
