// One of those that are measured: takes batches of sales and returns when each batch survives a power cut.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "bench/workload.h"

namespace holdfast::bench {

class Side {
 public:
  virtual ~Side() = default;
  virtual std::string name() const = 0;
  virtual std::string guarantee() const = 0;  // of a batch that has returned
  // Whatever can be made ready before the clock starts.
  virtual void prepare(std::span<const BenchSale> sales) = 0;
  // The next `count` of the prepared sales, as one batch. Throws std::runtime_error when anything is refused or fails.
  virtual void take(std::size_t count) = 0;
  // For the comparison at the end: every side must have come to the same.
  virtual std::uint64_t sales() const = 0;
  virtual std::int64_t pieces_sold() const = 0;  // by its stock counters
  virtual std::int64_t pence_taken() const = 0;  // by its sales
};

// Milliseconds added to every durable write, for a disk that has to wait for its flash (HF_BENCH_SYNC_MS).
void set_extra_sync_ms(double ms);
void wait_extra_sync();

std::unique_ptr<Side> make_journal_side(const std::string& directory);
enum class SqliteShape { rows, blob };
std::unique_ptr<Side> make_sqlite_side(const std::string& directory, SqliteShape shape);
// Only the disk: one durable write of about as many bytes as the journal makes of the batch. Nobody can be faster.
std::unique_ptr<Side> make_disk_side(const std::string& directory);

// Opens the journal again, folds it from entry 0 and compares. Entries a second; throws if the state differs.
struct Replay {
  std::uint64_t entries = 0;
  double seconds = 0;
};
Replay replay_journal(const std::string& directory, const Side& journal_side);

}  // namespace holdfast::bench
