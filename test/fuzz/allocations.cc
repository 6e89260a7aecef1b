// Counts what new gives out. It takes the place of the library's own operators, in the fuzz programs alone.
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "test/fuzz/fuzz.h"

namespace {

std::size_t now = 0, most = 0, times = 0;

void* give(std::size_t size, std::size_t alignment) {
  void* p = alignment <= alignof(std::max_align_t) ? std::malloc(size) : std::aligned_alloc(alignment, size);
  if (p == nullptr) throw std::bad_alloc();
  now += malloc_usable_size(p);
  most = std::max(most, now);
  ++times;
  return p;
}
void take(void* p) {
  if (p == nullptr) return;
  now -= malloc_usable_size(p);
  std::free(p);
}

}  // namespace

void* operator new(std::size_t size) { return give(size, 1); }
void* operator new[](std::size_t size) { return give(size, 1); }
void* operator new(std::size_t size, std::align_val_t at) {
  const auto alignment = static_cast<std::size_t>(at);
  return give((size + alignment - 1) / alignment * alignment, alignment);
}
void operator delete(void* p) noexcept { take(p); }
void operator delete[](void* p) noexcept { take(p); }
void operator delete(void* p, std::size_t) noexcept { take(p); }
void operator delete[](void* p, std::size_t) noexcept { take(p); }
void operator delete(void* p, std::align_val_t) noexcept { take(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { take(p); }

namespace holdfast::fuzz {
Allocations::Allocations() : before_(now), count_before_(times) { most = now; }
std::size_t Allocations::peak() const { return most - before_; }
std::size_t Allocations::count() const { return times - count_before_; }
}  // namespace holdfast::fuzz
