#include "core/recovery/readmit.h"

#include <fmt/format.h>

namespace holdfast::recovery {
namespace {

std::vector<till::AskedLine> asked(const std::vector<till::SaleLine>& lines) {
  std::vector<till::AskedLine> out;
  out.reserve(lines.size());
  for (const till::SaleLine& l : lines)
    out.push_back(
        {l.sku, l.quantity, l.unit_price, l.vat, l.name, l.open_price, till::Recorded{l.vat_millionths, l.goods}});
  return out;
}

struct ToCommand {
  fold::WriteRequest& request;

  bool operator()(const till::SaleRecorded& e) {
    request.printed_receipt = e.receipt;
    request.command = till::RecordSale{e.receipt.till, asked(e.lines), e.tenders, e.change};
    return true;
  }
  bool operator()(const till::RefundRecorded& e) {
    request.printed_receipt = e.receipt;
    till::Refund refund{e.receipt.till, e.of, {}, e.tenders, e.reason};
    for (const till::RefundLine& l : e.lines) refund.lines.push_back({l.line, l.quantity});
    request.command = std::move(refund);
    return true;
  }
  bool operator()(const till::RefundWithoutReceipt& e) {
    request.printed_receipt = e.receipt;
    request.command = till::RefundNoReceipt{e.receipt.till, asked(e.lines), e.tenders, e.reason};
    return true;
  }
  bool operator()(const stock::StockReceived& e) { return set(stock::Receive{e.lines, e.reference}); }
  bool operator()(const stock::StockWrittenOff& e) { return set(stock::WriteOff{e.lines, e.reason}); }
  bool operator()(const stock::StockCounted& e) { return set(stock::Count{e.lines}); }
  bool operator()(const stock::StockDispatched& e) { return set(stock::Dispatch{e.to, e.lines}); }
  bool operator()(const stock::DispatchReceived& e) { return set(stock::ReceiveDispatch{e.from, e.dispatch, e.lines}); }
  bool operator()(const catalogue::ProductsListed& e) { return set(catalogue::ListProducts{e.products}); }
  bool operator()(const catalogue::ProductDelisted& e) { return set(catalogue::DelistProduct{e.sku}); }
  bool operator()(const fold::PeerEntryAccepted& e) { return set(fold::AcceptHeld{e.entry, e.products}); }
  bool operator()(const fold::ListedClosed& e) { return set(fold::CloseListed{e.id, e.note}); }
  bool operator()(const fold::SubjectRead& e) { return set(fold::ReadSubject{e.subject, e.reason}); }
  // decide() refuses it, so it goes on the list, one line a file; the next run of the feed takes that file again.
  bool operator()(const feed::FeedTaken& e) { return set(feed::TakeFile{e}); }
  bool operator()(const stock::StockFed&) { return false; }  // FeedTaken behind them stands for them
  bool operator()(const feed::OrdersFed&) { return false; }
  // An incident keeps its id, which is the key of the write: the new entry is the same opening.
  bool operator()(const incident::IncidentOpened& e) { return set(incident::OpenIncident{e.title}); }
  bool operator()(const incident::IncidentNoted& e) {
    return set(incident::NoteIncident{e.incident, e.kind, e.knowing, e.text, e.about, e.by_whom, e.corrects});
  }
  bool operator()(const incident::TaskSet& e) {
    const bool is_new = e.task.bytes == request.key.bytes;
    return set(incident::SetTask{e.incident, is_new ? std::nullopt : std::optional(e.task), e.text, e.owner, e.state});
  }
  bool operator()(const incident::IncidentsJoined& e) { return set(incident::JoinIncidents{e.into, e.others}); }
  bool operator()(const incident::IncidentClosed& e) { return set(incident::CloseIncident{e.incident, e.text}); }
  // Who sells here, and what has gone back, is decided anew: decide() refuses these, so that a person reads of each.
  bool operator()(const standby::StandbyBegun& e) { return set(standby::Begin{e.reason}); }
  bool operator()(const standby::TakenOver& e) { return set(standby::TakeOver{e.reason}); }
  bool operator()(const standby::StandbyResumed& e) { return set(standby::Resume{e.reason}); }
  bool operator()(const standby::HandbackMade& e) { return set(e.made); }
  bool operator()(const standby::HandbackConfirmed& e) {
    standby::ConfirmHandback confirm{e.number, {}, e.note};
    for (const auto& [key, figures] : e.totals) confirm.reported.emplace(key, figures.reported);
    return set(std::move(confirm));
  }
  // What no client asked for: the new epoch makes its own. TailListed and WriteListed go on the list
  // again as they are (node/tail.cc).
  bool operator()(const fold::EpochOpened&) { return false; }
  bool operator()(const fold::NodeStarted&) { return false; }
  bool operator()(const fold::RulesAdopted&) { return false; }
  bool operator()(const fold::Part&) { return false; }
  bool operator()(const fold::PeerFollowed&) { return false; }
  bool operator()(const fold::PeerSucceeded&) { return false; }
  bool operator()(const fold::EpochSealed&) { return false; }
  bool operator()(const fold::RegistrationTaken&) { return false; }
  bool operator()(const fold::ContradictionSeen&) { return false; }
  bool operator()(const fold::TailListed&) { return false; }
  bool operator()(const fold::WriteListed&) { return false; }
  // What the old machine saw and did to its links stands in its own journal; the new one begins open or as it was told.
  bool operator()(const guard::AlertRaised&) { return false; }
  bool operator()(const guard::PostureChanged&) { return false; }
  bool operator()(const incident::RejoinStep&) { return false; }  // a new machine is checked anew
  bool operator()(const fold::LinkCut&) { return false; }
  bool operator()(const fold::LinkHealed&) { return false; }

 private:
  bool set(fold::Command command) {
    request.command = std::move(command);
    return true;
  }
};

}  // namespace

std::optional<fold::WriteRequest> readmission(const fold::Event& event, const Origin& stood_in, EntryIndex at) {
  if (!event.write) return std::nullopt;
  fold::WriteRequest request;
  request.till = event.write->till;
  request.key = event.write->key;
  request.staff = event.write->staff;
  request.known_request = event.write->request;
  request.prior = fold::Prior{stood_in, at, fold::happened_at(event), true};
  if (!std::visit(ToCommand{request}, event.body)) return std::nullopt;
  return request;
}

fold::TailListed list_entry(const Origin& origin, EntryIndex at, const std::string& reason, ByteView entry) {
  const std::string what = fmt::format("holdfast listed v2\n{}\n{}\n{}\n", origin.text(), at, to_hex(sha256(entry)));
  return {fold::listed_id(as_bytes(what)), {origin, at}, reason, to_bytes(entry)};
}

bool is_later_part(ByteView entry) {
  const auto event = fold::decode(entry);
  const auto* part = event ? std::get_if<fold::Part>(&event->body) : nullptr;
  return part != nullptr && part->number > 0;
}

Result<std::optional<sync::Tail>> next_piece(journal::Log& log, EntryIndex first, EntryIndex end) {
  constexpr std::size_t message_bytes = 1u << 20;
  constexpr std::string_view full = "recovery/piece_full";
  sync::Tail out{log.origin(), first, {}, std::nullopt, {}};
  for (; out.first < end; ++out.first) {
    std::size_t bytes = 0;
    const Status walked = log.scan(out.first, end, [&](EntryIndex, ByteView entry) -> Status {
      const std::size_t with_it = bytes + entry.size();
      const bool is_full = with_it > tail_event_bytes_max || (with_it > message_bytes && !is_later_part(entry));
      if (is_full && !out.entries.empty()) return fail(full, "");
      bytes = with_it;
      out.entries.push_back(to_bytes(entry));
      return {};
    });
    const bool is_ended = walked || walked.error().code == full || walked.error().code == "journal/damaged";
    if (!is_ended) return pass_on(walked.error());
    if (!out.entries.empty()) return std::optional(std::move(out));
  }
  return std::optional<sync::Tail>();
}

std::string tail_path(const sync::Tail& tail) {
  const Hash h = sha256(sync::tail_text(tail));
  return fmt::format("tails/{}-{}-{:012}-{}.tail", tail.origin.site.view(), tail.origin.epoch, tail.first,
                     to_hex(ByteView(h).first(8)));
}

}  // namespace holdfast::recovery
