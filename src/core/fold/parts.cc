// Entries that are larger than one entry may be, and small questions about events.
#include <fmt/format.h>

#include <algorithm>

#include "core/fold/event.h"

namespace holdfast::fold {
namespace {

struct Name {
  std::string_view operator()(const EpochOpened&) { return "EpochOpened"; }
  std::string_view operator()(const NodeStarted&) { return "NodeStarted"; }
  std::string_view operator()(const RulesAdopted&) { return "RulesAdopted"; }
  std::string_view operator()(const Part&) { return "Part"; }
  std::string_view operator()(const PeerFollowed&) { return "PeerFollowed"; }
  std::string_view operator()(const PeerSucceeded&) { return "PeerSucceeded"; }
  std::string_view operator()(const PeerEntryAccepted&) { return "PeerEntryAccepted"; }
  std::string_view operator()(const EpochSealed&) { return "EpochSealed"; }
  std::string_view operator()(const RegistrationTaken&) { return "RegistrationTaken"; }
  std::string_view operator()(const ContradictionSeen&) { return "ContradictionSeen"; }
  std::string_view operator()(const TailListed&) { return "TailListed"; }
  std::string_view operator()(const WriteListed&) { return "WriteListed"; }
  std::string_view operator()(const ListedClosed&) { return "ListedClosed"; }
  std::string_view operator()(const catalogue::ProductsListed&) { return "ProductsListed"; }
  std::string_view operator()(const catalogue::ProductDelisted&) { return "ProductDelisted"; }
  std::string_view operator()(const stock::StockReceived&) { return "StockReceived"; }
  std::string_view operator()(const stock::StockWrittenOff&) { return "StockWrittenOff"; }
  std::string_view operator()(const stock::StockCounted&) { return "StockCounted"; }
  std::string_view operator()(const stock::StockDispatched&) { return "StockDispatched"; }
  std::string_view operator()(const stock::DispatchReceived&) { return "DispatchReceived"; }
  std::string_view operator()(const till::SaleRecorded&) { return "SaleRecorded"; }
  std::string_view operator()(const till::RefundRecorded&) { return "RefundRecorded"; }
  std::string_view operator()(const till::RefundWithoutReceipt&) { return "RefundWithoutReceipt"; }
  std::string_view operator()(const SubjectRead&) { return "SubjectRead"; }
  std::string_view operator()(const feed::FeedTaken&) { return "FeedTaken"; }
  std::string_view operator()(const stock::StockFed&) { return "StockFed"; }
  std::string_view operator()(const feed::OrdersFed&) { return "OrdersFed"; }
  std::string_view operator()(const guard::AlertRaised&) { return "AlertRaised"; }
  std::string_view operator()(const guard::PostureChanged&) { return "PostureChanged"; }
  std::string_view operator()(const incident::IncidentOpened&) { return "IncidentOpened"; }
  std::string_view operator()(const incident::IncidentNoted&) { return "IncidentNoted"; }
  std::string_view operator()(const incident::TaskSet&) { return "TaskSet"; }
  std::string_view operator()(const incident::IncidentsJoined&) { return "IncidentsJoined"; }
  std::string_view operator()(const incident::IncidentClosed&) { return "IncidentClosed"; }
  std::string_view operator()(const LinkCut&) { return "LinkCut"; }
  std::string_view operator()(const LinkHealed&) { return "LinkHealed"; }
  std::string_view operator()(const incident::RejoinStep&) { return "RejoinStep"; }
  std::string_view operator()(const standby::StandbyBegun&) { return "StandbyBegun"; }
  std::string_view operator()(const standby::TakenOver&) { return "TakenOver"; }
  std::string_view operator()(const standby::StandbyResumed&) { return "StandbyResumed"; }
  std::string_view operator()(const standby::HandbackMade&) { return "HandbackMade"; }
  std::string_view operator()(const standby::HandbackConfirmed&) { return "HandbackConfirmed"; }
};

}  // namespace

std::string_view kind_name(const Body& body) { return std::visit(Name{}, body); }

Instant happened_at(const Event& event) {
  return event.write && event.write->prior ? std::min(event.write->prior->at, event.at) : event.at;
}

Result<std::optional<Event>> Joiner::take(Result<Event> decoded) {
  const auto drop = [&] {
    data_.clear();
    next_ = 0;
  };
  if (!decoded) {
    drop();
    return pass_on(std::move(decoded).error());
  }
  const Part* part = std::get_if<Part>(&decoded->body);
  if (part == nullptr) {
    if (!in_the_middle()) return std::optional<Event>(std::move(*decoded));
    drop();
    return fail(bad_entry, "a whole entry stands between the parts of another");
  }
  if (part->number != next_ || part->data.size() > part_bytes_max - data_.size()) {
    const std::uint32_t expected = next_;
    drop();
    return fail(bad_entry,
                fmt::format("part {} came where part {} belongs, or the parts are larger than {} bytes in all",
                            part->number, expected, part_bytes_max));
  }
  data_.insert(data_.end(), part->data.begin(), part->data.end());
  ++next_;
  if (!part->last) return std::optional<Event>();
  const Bytes whole = std::move(data_);
  drop();
  HF_TRY(Event event, decode(whole));
  if (std::holds_alternative<Part>(event.body)) return fail(bad_entry, "parts within parts");
  return std::optional<Event>(std::move(event));
}

Result<Event> read_event(EntryIndex index, const std::function<Result<Bytes>(EntryIndex)>& entry) {
  HF_TRY(const Bytes last_bytes, entry(index));
  HF_TRY(Event last, decode(last_bytes));
  const Part* part = std::get_if<Part>(&last.body);
  if (part == nullptr) return last;
  if (!part->last || part->number > index)
    return fail(bad_entry, fmt::format("entry {} is a part that does not end an event", index));
  Joiner joiner;
  for (EntryIndex i = index - part->number; i <= index; ++i) {
    HF_TRY(const Bytes bytes, entry(i));
    HF_TRY(std::optional<Event> event, joiner.take(bytes));
    if (event && i != index) return fail(bad_entry, fmt::format("entry {} ends another event", i));
    if (event) return std::move(*event);
  }
  return fail(bad_entry, fmt::format("the parts before entry {} are not whole", index));
}

}  // namespace holdfast::fold
