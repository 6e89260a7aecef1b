// Folds many entries.
//
// Shape:  while the events of one batch are applied, in order and on the caller's thread, the entries of the next are
//         decoded by the executor's jobs. What is applied, and the first error, are those of one entry after the other.
// Errors: fold/bad_entry, fold/unknown_event, and those of `each`; from take() or finish(), some entries after the one
//         that is wrong. Nothing after that one has been given to `each`.
// Thread: one.
#pragma once

#include <functional>

#include "core/base/world.h"
#include "core/fold/event.h"

namespace holdfast::fold {

class Pipeline {
 public:
  // index: of the event's last entry.
  using Each = std::function<Status(EntryIndex index, Event&& event)>;
  Pipeline(Executor& executor, Each each) : executor_(executor), each_(std::move(each)) {}

  Status take(EntryIndex index, ByteView entry);  // the entry is copied
  Status finish();                                // all that was taken has been given to `each`

 private:
  struct Entry {
    EntryIndex index = 0;
    std::size_t at = 0, bytes = 0;  // in Batch::bytes
    Result<Event> event = Event();
  };
  struct Batch {
    std::vector<std::uint64_t> bytes;  // entries begin at multiples of 8, where decode() reads them in place
    std::vector<Entry> entries;
  };
  void turn();
  Status apply(Batch& batch);

  Executor& executor_;
  Each each_;
  Joiner joiner_;
  Batch filling_, decoded_;
  Status status_;
};

}  // namespace holdfast::fold
