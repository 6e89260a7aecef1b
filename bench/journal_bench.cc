// bench_journal DIRECTORY JSON-FILE: durable 5-line sales through Holdfast's journal and fold, beside SQLite in
// process, at equal batch sizes, in turns within one run. HF_BENCH_SHORT=1: a few seconds, to see that it works.
// HF_BENCH_SYNC_MS=5: as on a disk whose every sync takes that much longer.
#include <fmt/format.h>
#include <sodium.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "bench/side.h"

namespace holdfast::bench {
namespace {

struct Cell {
  std::vector<double> sales_a_second;  // one a round
  std::vector<double> batch_ms;        // every batch of every round
};
struct Plan {
  int rounds = 5;
  std::map<std::size_t, std::size_t> batches{{1, 1000}, {16, 250}, {64, 125}, {512, 40}, {4096, 10}};  // a round
};

double number_in(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::atof(text);
}

Plan plan_of(bool small, double sync_ms) {
  Plan plan;
  if (small) plan.rounds = 1;
  for (auto& [size, count] : plan.batches) {
    if (sync_ms > 0) count = std::min<std::size_t>(count, 40);
    if (small) count = std::max<std::size_t>(2, count / 25);
  }
  return plan;
}

void measure(Side& side, Cell& cell, std::span<const BenchSale> sales, std::size_t batch) {
  using Clock = std::chrono::steady_clock;
  side.prepare(sales);
  const auto start = Clock::now();
  auto last = start;
  for (std::size_t done = 0; done < sales.size(); done += batch) {
    side.take(batch);
    const auto now = Clock::now();
    cell.batch_ms.push_back(std::chrono::duration<double, std::milli>(now - last).count());
    last = now;
  }
  const double seconds = std::chrono::duration<double>(last - start).count();
  cell.sales_a_second.push_back(static_cast<double>(sales.size()) / seconds);
}

int run(const std::string& directory, const char* json_path) {
  const bool small = number_in("HF_BENCH_SHORT") != 0;
  const double sync_ms = number_in("HF_BENCH_SYNC_MS");
  const Plan plan = plan_of(small, sync_ms);
  std::vector<std::unique_ptr<Side>> sides;
  sides.push_back(make_journal_side(directory));
  sides.push_back(make_sqlite_side(directory, SqliteShape::rows));
  sides.push_back(make_sqlite_side(directory, SqliteShape::blob));
  sides.push_back(make_disk_side(directory));
  set_extra_sync_ms(sync_ms);

  std::map<std::pair<std::size_t, std::size_t>, Cell> cells;  // batch size, side
  std::uint64_t next = 0, sales_done = 0;
  for (int round = 0; round < plan.rounds; ++round) {
    for (const auto& [batch, count] : plan.batches) {
      std::vector<BenchSale> sales;
      for (std::size_t i = 0; i < batch * count; ++i) sales.push_back(sale_number(next++));
      sales_done += sales.size();
      // Another side begins each time, so that none always comes when the disk has just been busy.
      for (std::size_t i = 0; i < sides.size(); ++i) {
        const std::size_t s = (i + static_cast<std::size_t>(round)) % sides.size();
        measure(*sides[s], cells[{batch, s}], sales, batch);
      }
    }
    fmt::print(stderr, "round {} of {}\n", round + 1, plan.rounds);
  }
  set_extra_sync_ms(0);

  for (const auto& side : sides) {  // the same work, or the figures mean nothing
    if (side->sales() != sales_done) throw std::runtime_error(side->name() + " has lost or doubled sales");
    if (side->pieces_sold() >= 0 &&
        (side->pieces_sold() != sides[0]->pieces_sold() || side->pence_taken() != sides[0]->pence_taken()))
      throw std::runtime_error(side->name() + " has come to other sums");
  }
  const Replay replay = replay_journal(directory, *sides[0]);

  std::string json = fmt::format(
      "{{\n  \"what\": \"durable 5-line sales, in process\",\n  \"sync_ms_added\": {},\n  "
      "\"rounds\": {},\n  \"sales_each_side\": {},\n  \"sides\": {{",
      sync_ms, plan.rounds, sales_done);
  fmt::print("\nDurable 5-line sales a second, in process, median of {} rounds{}\n", plan.rounds,
             sync_ms > 0 ? fmt::format(", {} ms added to every sync", sync_ms) : "");
  for (std::size_t s = 0; s < sides.size(); ++s) {
    fmt::print("  {:<12} {}\n", sides[s]->name(), sides[s]->guarantee());
    json += fmt::format("{}\n    \"{}\": \"{}\"", s ? "," : "", sides[s]->name(), sides[s]->guarantee());
  }
  json += "\n  },\n  \"cells\": [";
  fmt::print("\n{:>6}  {:<12} {:>10} {:>10} {:>10}   {}\n", "batch", "side", "sales/s", "p50 ms", "p99 ms",
             "holdfast is so many times this");
  const char* comma = "";
  for (const auto& [key, cell] : cells) {
    const auto& [batch, s] = key;
    const double rate = median_of(cell.sales_a_second);
    const double ratio = median_of(cells[{batch, 0}].sales_a_second) / rate;
    const Spread spread = spread_of(cell.batch_ms);
    fmt::print("{:>6}  {:<12} {:>10.0f} {:>10.3f} {:>10.3f}   {}\n", batch, sides[s]->name(), rate, spread.p50,
               spread.p99, s == 0 ? "" : fmt::format("{:.2f}", ratio));
    json += fmt::format(
        "{}\n    {{\"batch\": {}, \"side\": \"{}\", \"sales_per_second\": {:.0f}, \"batch_p50_ms\": {:.4f}, "
        "\"batch_p99_ms\": {:.4f}, \"holdfast_ratio\": {:.3f}}}",
        comma, batch, sides[s]->name(), rate, spread.p50, spread.p99, ratio);
    comma = ",";
  }
  const double replay_rate = static_cast<double>(replay.entries) / replay.seconds;
  fmt::print("\nOpened again and folded from entry 0 to the same state: {} entries in {:.2f} s, {:.0f} a second\n",
             replay.entries, replay.seconds, replay_rate);
  json += fmt::format(
      "\n  ],\n  \"replay\": {{\"entries\": {}, \"seconds\": {:.3f}, \"entries_per_second\": {:.0f}}}\n}}\n",
      replay.entries, replay.seconds, replay_rate);
  std::FILE* file = std::fopen(json_path, "w");
  if (file == nullptr || std::fputs(json.c_str(), file) < 0 || std::fclose(file) != 0)
    throw std::runtime_error(fmt::format("cannot write {}", json_path));
  return 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  if (argc != 3 || ::sodium_init() < 0) {
    std::fprintf(stderr, "bench_journal EMPTY-DIRECTORY JSON-FILE\n");
    return 2;
  }
  try {
    return holdfast::bench::run(argv[1], argv[2]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_journal: %s\n", e.what());
    return 1;
  }
}
