#include "core/fold/pipeline.h"

#include <gtest/gtest.h>

#include "core/fold/test_events.h"

namespace holdfast::fold {
namespace {

// Runs jobs from the last to the first, and what runs meanwhile at the end: whatever order the threads may take.
class BackwardExecutor final : public Executor {
 public:
  using Executor::run;
  void run(std::size_t count, const Job& job, const std::function<void()>& meanwhile) override {
    for (std::size_t i = count; i-- > 0;) job(i);
    if (meanwhile) meanwhile();
  }
};

struct Told {
  std::vector<std::pair<EntryIndex, Event>> events;
  Status status;
  bool operator==(const Told& other) const {
    return events == other.events && status.has_value() == other.status.has_value() &&
           (status || status.error().text == other.status.error().text);
  }
};

Told one_after_the_other(const std::vector<Bytes>& entries, std::size_t refused_at) {
  Told out;
  Joiner joiner;
  for (std::size_t i = 0; i < entries.size() && out.status; ++i) {
    auto event = joiner.take(entries[i]);
    if (!event) {
      out.status = std::unexpected(event.error());
    } else if (*event) {
      out.events.emplace_back(i, std::move(**event));
      if (out.events.size() == refused_at) out.status = fail("test/refused", "refused");
    }
  }
  return out;
}

Told through_pipeline(Executor& executor, const std::vector<Bytes>& entries, std::size_t refused_at) {
  Told out;
  Pipeline pipeline(executor, [&](EntryIndex index, Event&& event) -> Status {
    out.events.emplace_back(index, std::move(event));
    return out.events.size() == refused_at ? fail("test/refused", "refused") : Status();
  });
  for (std::size_t i = 0; i < entries.size() && out.status; ++i) out.status = pipeline.take(i, entries[i]);
  if (out.status) out.status = pipeline.finish();
  return out;
}

// Some thousand entries of every kind, with events in parts between them.
std::vector<Bytes> many_entries() {
  std::vector<Bytes> out;
  Event large{Instant{5}, testing::sample_write(), WriteListed{{}, "why", std::string(200'000, 'x')}};
  for (int round = 0; round < 100; ++round) {
    for (const Event& event : testing::samples()) {
      if (std::holds_alternative<Part>(event.body)) continue;
      for (Bytes& entry : encode(event)) out.push_back(std::move(entry));
    }
    if (round % 10 == 0)
      for (Bytes& entry : encode(large)) out.push_back(std::move(entry));
  }
  return out;
}

TEST(Pipeline, gives_what_one_entry_after_the_other_gives) {
  SerialExecutor serial;
  BackwardExecutor backward;
  const std::vector<Bytes> entries = many_entries();
  ASSERT_GT(entries.size(), 4096u) << "more than two batches";
  const Told expected = one_after_the_other(entries, 0);
  ASSERT_TRUE(expected.status.has_value()) << expected.status.error().text;
  EXPECT_TRUE(through_pipeline(serial, entries, 0) == expected);
  EXPECT_TRUE(through_pipeline(backward, entries, 0) == expected);
  EXPECT_TRUE(through_pipeline(serial, {}, 0) == Told());
}

TEST(Pipeline, stops_at_the_first_that_is_wrong) {
  SerialExecutor serial;
  BackwardExecutor backward;
  for (const std::size_t at : {0u, 1u, 31u, 32u, 511u, 512u, 4000u}) {
    std::vector<Bytes> entries = many_entries();
    entries[at].resize(entries[at].size() / 2);
    entries[at + 7].clear();
    const Told expected = one_after_the_other(entries, 0);
    ASSERT_FALSE(expected.status.has_value());
    EXPECT_TRUE(through_pipeline(serial, entries, 0) == expected) << at;
    EXPECT_TRUE(through_pipeline(backward, entries, 0) == expected) << at;
    const std::vector<Bytes> whole = many_entries();
    EXPECT_TRUE(through_pipeline(backward, whole, at + 1) == one_after_the_other(whole, at + 1)) << at;
  }
}

}  // namespace
}  // namespace holdfast::fold
