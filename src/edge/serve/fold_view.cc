#include "edge/serve/fold_view.h"

#include <fmt/format.h>

namespace holdfast::serve {

Result<journal::Log*> FoldView::log(const Origin& origin) const {
  const auto known = logs_.find(origin);
  if (known != logs_.end()) return known->second.get();
  HF_TRY(auto opened, data_.open_journal(origin));
  return logs_.emplace(origin, std::move(opened)).first->second.get();
}

Status FoldView::scan(const Origin& origin, EntryIndex first, EntryIndex end,
                      const std::function<Status(EntryIndex, ByteView)>& each) const {
  HF_TRY(journal::Log* const of, log(origin));
  return of->scan(first, end, each);
}

Status FoldView::fold_log(fold::State& state, const Origin& origin, std::uint64_t size) {
  HF_TRY(journal::Log* const of, log(origin));
  fold::Joiner joiner;
  return of->scan(0, size, [&](EntryIndex index, ByteView body) -> Status {
    HF_TRY(const std::optional<fold::Event> event, joiner.take(body));
    return event ? fold::apply(state, index, *event, *this) : Status();
  });
}

Result<std::string> FoldView::registration(const Origin& origin) const {
  HF_TRY(journal::Log* const of, log(origin));
  HF_TRY(const Bytes first, of->read(0));
  HF_TRY(const fold::Event event, fold::decode(first));
  const auto* opened = std::get_if<fold::EpochOpened>(&event.body);
  if (opened == nullptr) return fail("journal/damaged", "entry 0 of " + origin.text() + " does not open an epoch");
  return opened->registration;
}

Result<fold::State> FoldView::fold(std::optional<std::uint64_t> size) {
  HF_TRY(const Origin newest, data_.newest_own());
  // Each epoch's first entry names the one that it continues, and how much of it was kept.
  std::vector<std::pair<Origin, std::uint64_t>> line;
  for (Origin at = newest; at.epoch > 1;) {
    HF_TRY(const std::string note, registration(at));
    HF_TRY(const chain::Registration named, chain::parse_registration(note));
    if (named.old_origin.epoch >= at.epoch || named.kept_size == 0) break;
    line.emplace_back(named.old_origin, named.kept_size);
    at = named.old_origin;
  }
  HF_TRY(journal::Log* const own, log(newest));
  const std::uint64_t durable = own->durable_size();
  if (size && *size > durable)
    return fail("edge/bad_size", fmt::format("{} has {} entries; name a size up to that", newest.text(), durable));
  fold::State state;
  for (auto it = line.rbegin(); it != line.rend(); ++it) HF_TRY_VOID(fold_log(state, it->first, it->second));
  HF_TRY_VOID(fold_log(state, newest, size.value_or(durable)));
  return state;
}

std::optional<Hash> FoldView::root(const Origin& origin, std::uint64_t size) {
  const auto of = log(origin);
  if (!of || (*of)->durable_size() < size) return std::nullopt;
  const auto root = (*of)->root_at(size);
  return root ? std::optional(*root) : std::nullopt;
}

}  // namespace holdfast::serve
