// Hostile bytes to events: FlatBuffers' verifier, bounds on every text and list before it is copied, then the event's
// own check. Nothing else reaches apply().
#include "core/fold/decode_field.h"

namespace holdfast::fold {
namespace {

constexpr flatbuffers::uoffset_t depth_max = 8, tables_max = 30'000;  // more than any event that is written has

WriteInfo write_info(Field& f, const fbs::Write& w) {
  WriteInfo out;
  out.till.number = w.till();
  out.key.bytes = f.array<16>(w.key(), "key");
  out.request = f.array<32>(w.request(), "request hash");
  out.staff.bytes = f.array<16>(w.staff(), "staff id");
  if (w.prior_origin() == nullptr) return out;
  Prior prior{f.origin(w.prior_origin(), "prior origin"), w.prior_index(), f.time(w.prior_at(), "prior time"),
              w.readmitted()};
  f.expect(prior.index <= size_max, "prior index", "is out of range");
  if (w.printed_n() != 0) prior.printed = receipt_number(w.printed_till(), w.printed_series(), w.printed_n());
  prior.broke = f.text(w.broke(), "broken rule", 60);
  out.prior = std::move(prior);
  return out;
}

// The event of a kind known here; nullopt: unknown (or none).
std::optional<Body> body_of(Field& f, const fbs::Entry& entry) {
  switch (entry.body_type()) {
#define HF_KIND(Kind)   \
  case fbs::Body::Kind: \
    return read(f, *entry.body_as_##Kind());
    HF_KIND(EpochOpened)
    HF_KIND(NodeStarted)
    HF_KIND(RulesAdopted)
    HF_KIND(Part)
    HF_KIND(PeerFollowed)
    HF_KIND(PeerSucceeded)
    HF_KIND(PeerEntryAccepted)
    HF_KIND(EpochSealed)
    HF_KIND(RegistrationTaken)
    HF_KIND(ContradictionSeen)
    HF_KIND(TailListed)
    HF_KIND(WriteListed)
    HF_KIND(ListedClosed)
    HF_KIND(ProductsListed)
    HF_KIND(ProductDelisted)
    HF_KIND(StockReceived)
    HF_KIND(StockWrittenOff)
    HF_KIND(StockCounted)
    HF_KIND(StockDispatched)
    HF_KIND(DispatchReceived)
    HF_KIND(SaleRecorded)
    HF_KIND(RefundRecorded)
    HF_KIND(RefundWithoutReceipt)
    HF_KIND(SubjectRead)
    HF_KIND(FeedTaken)
    HF_KIND(StockFed)
    HF_KIND(OrdersFed)
    HF_KIND(AlertRaised)
    HF_KIND(PostureChanged)
    HF_KIND(IncidentOpened)
    HF_KIND(IncidentNoted)
    HF_KIND(TaskSet)
    HF_KIND(IncidentsJoined)
    HF_KIND(IncidentClosed)
    HF_KIND(LinkCut)
    HF_KIND(LinkHealed)
    HF_KIND(RejoinStep)
    HF_KIND(StandbyBegun)
    HF_KIND(TakenOver)
    HF_KIND(StandbyResumed)
    HF_KIND(HandbackMade)
    HF_KIND(HandbackConfirmed)
#undef HF_KIND
    case fbs::Body::NONE:
      break;
  }
  return std::nullopt;
}

// Whoever trades asked for it, so its key must be known (protocol 8.1).
bool needs_write(const Body& body) {
  return std::visit(
      [](const auto& e) {
        using E = std::decay_t<decltype(e)>;
        return std::is_same_v<E, catalogue::ProductsListed> || std::is_same_v<E, catalogue::ProductDelisted> ||
               std::is_same_v<E, stock::StockReceived> || std::is_same_v<E, stock::StockWrittenOff> ||
               std::is_same_v<E, stock::StockCounted> || std::is_same_v<E, stock::StockDispatched> ||
               std::is_same_v<E, stock::DispatchReceived> || std::is_same_v<E, till::SaleRecorded> ||
               std::is_same_v<E, till::RefundRecorded> || std::is_same_v<E, till::RefundWithoutReceipt> ||
               std::is_same_v<E, WriteListed> || std::is_same_v<E, feed::FeedTaken> ||
               std::is_same_v<E, stock::StockFed> || std::is_same_v<E, feed::OrdersFed> ||
               std::is_same_v<E, incident::IncidentNoted> || std::is_same_v<E, incident::TaskSet> ||
               std::is_same_v<E, incident::IncidentsJoined> || std::is_same_v<E, incident::IncidentClosed> ||
               std::is_same_v<E, incident::RejoinStep> || std::is_same_v<E, standby::StandbyBegun> ||
               std::is_same_v<E, standby::TakenOver> || std::is_same_v<E, standby::StandbyResumed> ||
               std::is_same_v<E, standby::HandbackMade> || std::is_same_v<E, standby::HandbackConfirmed>;
      },
      body);
}

// `bytes` start at an address that is a multiple of 8.
Result<Event> decode_aligned(ByteView bytes) {
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), depth_max,
                                 tables_max);
  if (bytes.size() < 12 || !fbs::VerifyEntryBuffer(verifier))
    return fail(bad_entry, "the bytes are not an entry of a journal");
  const fbs::Entry& entry = *fbs::GetEntry(bytes.data());
  if (entry.body_type() > fbs::Body::MAX)
    return fail(
        "fold/unknown_event",
        fmt::format("the entry is of a kind ({}) that this version does not know; it needs a newer version of holdfast",
                    static_cast<int>(entry.body_type())));
  if (entry.body() == nullptr) return fail(bad_entry, "the entry says nothing");
  Field f(bytes.size());
  Event event;
  event.at = f.time(entry.at(), "time");
  if (entry.write() != nullptr) event.write = write_info(f, *entry.write());
  auto body = body_of(f, entry);
  if (!body) return fail(bad_entry, "the entry says nothing");
  event.body = std::move(*body);
  if (needs_write(event.body)) f.expect(event.write.has_value(), "write", "is missing");
  if (auto error = f.take_error()) return pass_on(std::move(*error));
  if (const auto* rules = std::get_if<RulesAdopted>(&event.body); rules != nullptr && rules->version > rules_known)
    return fail("fold/unknown_event",
                fmt::format("rules version {} is adopted here; it needs a newer version of holdfast", rules->version));
  return event;
}

}  // namespace

Result<Event> decode(ByteView entry) {
  if (entry.size() > part_bytes_max) return fail(bad_entry, "the entry is larger than any may be");
  if (reinterpret_cast<std::uintptr_t>(entry.data()) % alignof(std::uint64_t) == 0) return decode_aligned(entry);
  std::vector<std::uint64_t> aligned((entry.size() + 7) / 8);
  if (!entry.empty()) std::memcpy(aligned.data(), entry.data(), entry.size());
  return decode_aligned({reinterpret_cast<const std::byte*>(aligned.data()), entry.size()});
}

}  // namespace holdfast::fold
