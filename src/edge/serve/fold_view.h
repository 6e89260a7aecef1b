// The state of a site at a named size of its journal, folded from the journals in its data directory: also while its
// node runs, also of a machine whose node does not start.
//
// Errors: edge/no_journal, edge/bad_size (the journal is shorter), journal/*, fold/*.
// Thread: one. Folds from entry 0: a million sales take some seconds.
#pragma once

#include <map>

#include "core/fold/state.h"
#include "edge/serve/data_view.h"

namespace holdfast::serve {

class FoldView final : private fold::PeerEntries {
 public:
  explicit FoldView(DataView& data) : data_(data) {}
  // Of the newest epoch, up to `size` entries of it; nullopt: all that is durable.
  Result<fold::State> fold(std::optional<std::uint64_t> size);
  // Nullopt: that journal is not at hand, or shorter.
  std::optional<Hash> root(const Origin& origin, std::uint64_t size);
  // What entry 0 of an epoch after the first says that it continues. journal/damaged, edge/no_journal.
  Result<std::string> registration(const Origin& origin) const;

 private:
  Status scan(const Origin& origin, EntryIndex first, EntryIndex end,
              const std::function<Status(EntryIndex, ByteView)>& each) const override;
  Result<journal::Log*> log(const Origin& origin) const;
  Status fold_log(fold::State& state, const Origin& origin, std::uint64_t size);

  DataView& data_;
  mutable std::map<Origin, std::unique_ptr<journal::Log>> logs_;
};

}  // namespace holdfast::serve
