// HF_MUTANT(n): whether planted bug n of docs/mutants.md is switched on. False, and gone after compilation, in the
// archive that ships; a switch in the one that only holdfast-sim-mutants links. It proves that the checks can fail, and
// it is the only conditional of the build in core.
#pragma once

#ifdef HF_WITH_MUTANTS
namespace holdfast {
extern unsigned mutant_on;  // 0: none
}
#define HF_MUTANT(n) (::holdfast::mutant_on == (n))
#else
#define HF_MUTANT(n) false
#endif
