// For tests of people: a clock that is moved by hand, numbered randomness, a disk in a directory of its own.
#pragma once

#include "edge/people/credentials.h"
#include "edge/posix/posix_disk.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::people {

class HandClock final : public Clock {
 public:
  Instant now() override { return Instant{1'800'000'000'000'000'000} + Duration{at.unix_ns}; }
  Instant monotonic() override { return at; }
  Instant at;
};

class CountingEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> into) override {
    ++count_;
    for (std::size_t i = 0; i < into.size(); ++i) into[i] = static_cast<std::byte>(count_ * 37 + i * 11);
  }

 private:
  unsigned count_ = 0;
};

inline CredentialSettings quick() { return {.pin_operations = 1, .pin_memory_bytes = 8192, .limits = {}}; }

struct PeopleWorld {
  edge::ScratchDirectory directory;
  HandClock clock;
  CountingEntropy entropy;
  std::unique_ptr<Disk> disk() { return std::move(*edge::PosixDisk::open_root(directory.path())); }
  Result<std::unique_ptr<Credentials>> open(std::optional<keys::Enrolment> enrolment = std::nullopt) {
    return Credentials::open(disk(), entropy, clock, std::move(enrolment), quick());
  }
  std::string read(std::string_view path) {
    const auto bytes = disk()->read_all(path);
    return bytes ? std::string(as_text(*bytes)) : std::string();
  }
};

}  // namespace holdfast::people
