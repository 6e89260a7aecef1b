// Counts what new gives out. It takes the place of the library's own operators, in the fuzz programs alone; of all of
// them, because AddressSanitizer brings its own, and what one family gives the other may not take back.
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "test/fuzz/fuzz.h"

namespace {

std::size_t now = 0, most = 0, times = 0;

constexpr std::size_t plain = alignof(std::max_align_t);

void* try_give(std::size_t size, std::size_t alignment) noexcept {
  const std::size_t whole = (size + alignment - 1) / alignment * alignment;
  void* p = alignment <= plain ? std::malloc(size) : std::aligned_alloc(alignment, whole);
  if (p == nullptr) return nullptr;
  now += malloc_usable_size(p);
  most = std::max(most, now);
  ++times;
  return p;
}
void* give(std::size_t size, std::size_t alignment) {
  void* p = try_give(size, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
std::size_t number(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }
void take(void* p) {
  if (p == nullptr) return;
  now -= malloc_usable_size(p);
  std::free(p);
}

}  // namespace

void* operator new(std::size_t size) { return give(size, plain); }
void* operator new(std::size_t size, std::align_val_t at) { return give(size, number(at)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return try_give(size, plain); }
void* operator new(std::size_t size, std::align_val_t at, const std::nothrow_t&) noexcept {
  return try_give(size, number(at));
}
void* operator new[](std::size_t size) { return give(size, plain); }
void* operator new[](std::size_t size, std::align_val_t at) { return give(size, number(at)); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return try_give(size, plain); }
void* operator new[](std::size_t size, std::align_val_t at, const std::nothrow_t&) noexcept {
  return try_give(size, number(at));
}
void operator delete(void* p) noexcept { take(p); }
void operator delete(void* p, std::size_t) noexcept { take(p); }
void operator delete(void* p, std::align_val_t) noexcept { take(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { take(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { take(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { take(p); }
void operator delete[](void* p) noexcept { take(p); }
void operator delete[](void* p, std::size_t) noexcept { take(p); }
void operator delete[](void* p, std::align_val_t) noexcept { take(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { take(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { take(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { take(p); }

namespace holdfast::fuzz {
Allocations::Allocations() : before_(now), count_before_(times) { most = now; }
std::size_t Allocations::peak() const { return most - before_; }
std::size_t Allocations::count() const { return times - count_before_; }
}  // namespace holdfast::fuzz
