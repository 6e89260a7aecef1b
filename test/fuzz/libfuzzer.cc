// The targets under libFuzzer: HF_FUZZ_TARGET names the one that runs.
#include <cstdio>
#include <cstdlib>

#include "test/fuzz/fuzz.h"

namespace {
const holdfast::fuzz::Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("HF_FUZZ_TARGET");
  for (const holdfast::fuzz::Target& target : holdfast::fuzz::targets)
    if (name != nullptr && target.name == name) chosen = &target;
  if (chosen != nullptr) return 0;
  std::fprintf(stderr, "HF_FUZZ_TARGET must name one of:\n");
  for (const holdfast::fuzz::Target& target : holdfast::fuzz::targets)
    std::fprintf(stderr, "%s\n", std::string(target.name).c_str());
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
