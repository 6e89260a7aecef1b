#include "core/fold/pipeline.h"

#include <algorithm>
#include <cstring>

namespace holdfast::fold {
namespace {

// Enough that handing out jobs costs nothing beside them, and little enough that a rebuild's piece of 1 to 2 MiB is
// several batches: a batch as large as the piece is decoded first and applied afterwards, with nothing beside either.
constexpr std::size_t batch_entries = 512, batch_words = (1u << 18) / 8, entries_a_job = 32;

}  // namespace

Status Pipeline::take(EntryIndex index, ByteView entry) {
  if (!status_) return status_;
  const std::size_t at = filling_.bytes.size();
  filling_.bytes.resize(at + (entry.size() + 7) / 8);
  if (!entry.empty()) std::memcpy(filling_.bytes.data() + at, entry.data(), entry.size());
  filling_.entries.push_back({index, at, entry.size(), Event()});
  if (filling_.entries.size() >= batch_entries || filling_.bytes.size() >= batch_words) turn();
  return status_;
}

Status Pipeline::finish() {
  turn();
  turn();
  return status_;
}

void Pipeline::turn() {
  std::vector<Entry>& entries = filling_.entries;
  const auto decode_some = [&](std::size_t job) {
    const std::size_t end = std::min(entries.size(), (job + 1) * entries_a_job);
    for (std::size_t i = job * entries_a_job; i < end; ++i) {
      const auto* bytes = reinterpret_cast<const std::byte*>(filling_.bytes.data() + entries[i].at);
      entries[i].event = decode({bytes, entries[i].bytes});
    }
  };
  executor_.run((entries.size() + entries_a_job - 1) / entries_a_job, decode_some, [&] {
    if (status_) status_ = apply(decoded_);
  });
  std::swap(filling_, decoded_);
  filling_.bytes.clear();
  filling_.entries.clear();
}

Status Pipeline::apply(Batch& batch) {
  for (Entry& entry : batch.entries) {
    HF_TRY(std::optional<Event> event, joiner_.take(std::move(entry.event)));
    if (event) HF_TRY_VOID(each_(entry.index, std::move(*event)));
  }
  return {};
}

}  // namespace holdfast::fold
