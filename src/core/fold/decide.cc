// Deciding a write: known, refused, or an event. Nothing is changed here.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/mutant.h"
#include "core/base/text.h"
#include "core/fold/follow.h"
#include "core/fold/incidents.h"
#include "core/till/cash.h"

namespace holdfast::fold {
namespace {

constexpr std::size_t note_bytes_max = 500;
constexpr std::size_t listed_body_bytes_max = 1u << 20;

// Puts the one command to its domain. `happened`: protocol 6.2, rules that only a promise needs do not refuse.
struct Asked {
  const State& state;
  const DecideContext& context;
  const WriteRequest& request;
  bool happened = false;

  Result<Body> operator()(const till::RecordSale& c) {
    HF_TRY_VOID(check_till(c.till));
    HF_TRY_VOID(check_trades_here());
    return body(till::decide(state.till, c, numbering(), vat_rates(), prices_of(c.lines)));
  }
  Result<Body> operator()(const till::Refund& c) {
    HF_TRY_VOID(till::check_card_numbers(c));
    HF_TRY_VOID(check_till(c.till));
    HF_TRY_VOID(check_trades_here());
    HF_TRY(const till::SaleRecorded original, sale_of(c.of));
    return body(till::decide(state.till, c, numbering(), original));
  }
  Result<Body> operator()(const till::RefundNoReceipt& c) {
    HF_TRY_VOID(check_till(c.till));
    HF_TRY_VOID(check_trades_here());
    return body(till::decide(state.till, c, numbering(), vat_rates(), prices_of(c.lines)));
  }
  Result<Body> operator()(const stock::Receive& c) {
    HF_TRY_VOID(till::check_card_number(c.reference, "the reference"));
    HF_TRY_VOID(check_are_skus(c.lines));
    return body(stock::decide(state.stock, c));
  }
  Result<Body> operator()(const stock::WriteOff& c) {
    HF_TRY_VOID(till::check_card_number(c.reason, "the reason"));
    HF_TRY_VOID(check_are_skus(c.lines));
    return body(stock::decide(state.stock, c));
  }
  Result<Body> operator()(const stock::Count& c) {
    HF_TRY_VOID(check_are_skus(c.lines));
    return body(stock::decide(state.stock, c));
  }
  Result<Body> operator()(const stock::Dispatch& c) {
    if (!happened && context.chain.find(c.to) == nullptr)
      return fail("stock/unknown_site", fmt::format("{} is not a site of this chain", clean(c.to.view())));
    // Goods travel under the key alone, whoever sends them: a second dispatch under it would be taken and move nothing.
    if (state.stock.sent.contains(DispatchId{request.key.bytes}))
      return fail("fold/key_reused", "goods travel under this key already; draw a new key for each dispatch");
    HF_TRY_VOID(check_are_skus(c.lines));
    return body(stock::decide(state.stock, state.site, c));
  }
  Result<Body> operator()(const stock::ReceiveDispatch& c) {
    if (!happened && context.chain.find(c.from) == nullptr)
      return fail("stock/unknown_site", fmt::format("{} is not a site of this chain", clean(c.from.view())));
    HF_TRY_VOID(check_is_for_here(c));
    return body(stock::decide(state.stock, state.site, c));
  }
  // What the old system said comes again from the old system: from a till's memory or a tail, a level would be set back
  // over what was sold since.
  Result<Body> operator()(const feed::TakeFile& c) {
    HF_TRY_VOID(check_first_time());
    return body(feed::decide(state.feed, context.now, c));
  }
  Result<Body> operator()(const stock::Feed& c) {
    HF_TRY_VOID(check_first_time());
    if (state.standby.phase == standby::Phase::taken_over)
      return fail(
          "standby/taken_over",
          "this site has taken over: the old system's levels know nothing of what was sold here since; hand the "
          "trade back and let it sell again (`holdfast standby resume`), then feed its stock");
    if (state.standby.taken_over_at && c.as_of < state.standby.since)
      return fail(
          "standby/exported_before",
          fmt::format("these levels are of {}, before the old system sold again ({}): they know nothing of what "
                      "was sold here meanwhile; the next export is taken",
                      to_text(c.as_of), to_text(state.standby.since)));
    return body(stock::decide(state.stock, context.now, c));
  }
  Result<Body> operator()(const feed::FeedOrders& c) {
    HF_TRY_VOID(check_first_time());
    for (const feed::Order& order : c.orders) {
      HF_TRY_VOID(till::check_card_number(order.number, "an order's number"));
      HF_TRY_VOID(till::check_card_number(order.state, "an order's state"));
    }
    return body(feed::decide(state.feed, context.now, c));
  }
  Result<Body> operator()(const catalogue::ListProducts& c) {
    HF_TRY_VOID(check_lists_here());
    for (const catalogue::Product& product : c.products)
      if (context.chain.vat(product.vat) == nullptr)
        return fail("catalogue/bad_product", fmt::format("product {}: VAT code {} is not one of this chain",
                                                         clean(product.sku.view()), clean(product.vat.view())));
    return body(catalogue::decide(state.catalogue, c));
  }
  Result<Body> operator()(const catalogue::DelistProduct& c) {
    HF_TRY_VOID(check_lists_here());
    return body(catalogue::decide(state.catalogue, c));
  }
  Result<Body> operator()(const AcceptHeld& c) {
    const catalogue::ProductsListed* waiting = find_held(state, c.entry);
    if (waiting == nullptr)
      return fail("fold/unknown_held",
                  fmt::format("entry {} of {} does not wait here", c.entry.index, clean(c.entry.origin.text())));
    const chain::Site* lister = context.chain.find(c.entry.origin.site);
    if (lister == nullptr || lister->kind != chain::SiteKind::head_office)
      return fail("fold/not_here", fmt::format("{} is no head office; its price list is never taken",
                                               clean(c.entry.origin.site.view())));
    const Hash products = hash_of(*waiting);
    if (c.products != Hash{} && c.products != products)
      return fail("fold/held_changed", "what waits of this price list is not what was shown; look at it again");
    return Body{PeerEntryAccepted{c.entry, products}};
  }
  Result<Body> operator()(const CloseListed& c) {
    HF_TRY_VOID(check_text(c.note, "note"));
    if (!state.listed.contains(c.id))
      return fail("fold/unknown_listed", "this item is not on the list; it may have been closed before");
    return Body{ListedClosed{c.id, c.note}};
  }
  Result<Body> operator()(const ReadSubject& c) {
    HF_TRY_VOID(check_text(c.reason, "reason"));
    if (c.reason.empty())
      return fail("fold/reason_needed", "say why this person's data is read; the reason is kept for ever");
    return Body{SubjectRead{c.subject, c.reason}};
  }
  Result<Body> operator()(const incident::OpenIncident& c) {
    HF_TRY_VOID(till::check_card_number(c.title, "the title"));
    return body(incident::decide(states(), c, incident::IncidentId{request.key.bytes}));
  }
  Result<Body> operator()(const incident::NoteIncident& c) {
    HF_TRY_VOID(till::check_card_number(c.text, "the note"));
    return body(incident::decide(states(), c));
  }
  Result<Body> operator()(const incident::SetTask& c) {
    HF_TRY_VOID(till::check_card_number(c.text, "the task"));
    return body(incident::decide(states(), c, incident::TaskId{request.key.bytes}));
  }
  Result<Body> operator()(const incident::StepRejoin& c) {
    HF_TRY_VOID(till::check_card_number(c.text, "the step"));
    if (!context.chain.linked(state.site, c.site))
      return fail("node/unknown_link", fmt::format("the chain file names no link with {}", clean(c.site.view())));
    if (const auto posture = posture_of(state).posture; posture != "sealed" && posture != "rejoining")
      return fail("incident/not_rejoining", fmt::format("this site is {}; there is nothing to rejoin", posture));
    return body(incident::decide(state.incidents, c, request.staff));
  }
  Result<Body> operator()(const incident::JoinIncidents& c) { return body(incident::decide(states(), c)); }
  Result<Body> operator()(const incident::CloseIncident& c) {
    HF_TRY_VOID(till::check_card_number(c.text, "the note"));
    const auto seen = incidents_seen(state);
    const incident::SeenIncident* incident = incident::find(seen, c.incident);
    std::vector<incident::SiteFigures> figures;
    incident::CloseIncident close = c;
    if (incident != nullptr) {
      if (incident->is_closed() && !happened)
        return fail("incident/closed_before", fmt::format("it was closed at {} already; a note can still be added",
                                                          to_text(incident->closing->record->at)));
      figures = incident_figures(state, began(*incident) - incident::facts_before_opening);
      close.incident = incident::to_close(*incident, c.incident, context.now);
    }
    return body(incident::decide(states(), close, std::move(figures)));
  }
  Result<Body> operator()(const standby::Begin& c) {
    HF_TRY_VOID(check_decided_now(c.reason));
    return body(standby::decide(state.standby, c));
  }
  Result<Body> operator()(const standby::TakeOver& c) {
    HF_TRY_VOID(check_decided_now(c.reason));
    return body(standby::decide(state.standby, c, state.ages()));
  }
  Result<Body> operator()(const standby::Resume& c) {
    HF_TRY_VOID(check_decided_now(c.reason));
    return body(standby::decide(state.standby, c));
  }
  Result<Body> operator()(const standby::MakeHandback& c) {
    HF_TRY_VOID(check_decided_now(""));
    const bool is_here = c.end.epoch == state.epoch && c.end.index > 0;
    if (!is_here || !context.entries.read(c.end.epoch, c.end.index - 1))
      return fail("standby/bad_handback", "its range does not end with what has happened here; make it again");
    return body(standby::decide(state.standby, c));
  }
  Result<Body> operator()(const standby::ConfirmHandback& c) {
    HF_TRY_VOID(check_decided_now(c.note));
    return body(standby::decide(state.standby, c));
  }

 private:
  // What stood in a journal (6.2) is taken whoever was to sell then; only what is asked for now can still be refused,
  // and what a till rang alone is put before a person: nobody had told it whether it was to sell.
  Status check_trades_here() const {
    const bool stood_in_a_journal = request.prior && request.prior->origin.epoch != rung_alone_epoch;
    if (happened || stood_in_a_journal || state.standby.phase != standby::Phase::standing_by) return {};
    return fail(
        "standby/stands_by",
        "the old system sells here, this site stands by for it; if it is dead, a manager takes over here first");
  }
  Status check_decided_now(std::string_view text) const {
    if (request.prior)
      return fail(
          "standby/decide_again",
          "who sells here and what has gone back is not decided by a machine's past; read what it says, and do it "
          "again here if it is to hold");
    return till::check_card_number(text, "the reason");
  }
  static std::string_view clean(std::string_view text) { return is_clean_text(text) ? text : "?"; }
  template <class T>
  static Result<Body> body(Result<T> decided) {
    if (!decided) return pass_on(std::move(decided).error());
    return Body{std::move(*decided)};
  }
  static Result<Body> body(Result<catalogue::Event> decided) {
    if (!decided) return pass_on(std::move(decided).error());
    return std::visit([](auto& event) { return Body{std::move(event)}; }, *decided);
  }
  incident::States states() const {
    incident::States out;
    for (const incident::Part& part : incident_parts(state)) out.push_back(part.state);
    return out;
  }
  Status check_text(std::string_view text, std::string_view what) const {
    if (text.size() > note_bytes_max || !is_clean_text(text))
      return fail("fold/bad_text",
                  fmt::format("the {} is longer than {} bytes or not printable UTF-8", what, note_bytes_max));
    return till::check_card_number(text, fmt::format("the {}", what));
  }
  // A till writes for itself alone; a person or the command line may name any.
  Status check_till(TillId till) const {
    if (request.till.number != 0 && request.till != till)
      return fail("till/no_till", fmt::format("till {} cannot write for till {}", request.till.number, till.number));
    return {};
  }
  Status check_lists_here() const {
    const chain::Site* site = context.chain.find(state.site);
    if (site == nullptr || site->kind != chain::SiteKind::head_office)
      return fail("catalogue/not_here", "products are listed at head office alone; send this there");
    return {};
  }
  // Of a dispatch that has not been heard of yet nobody can tell; the goods are there (stock.h). One that another site
  // has sent here would be received under the wrong name, and nobody would see what is missing of it.
  Status check_is_for_here(const stock::ReceiveDispatch& c) const {
    if (happened) return {};
    if (const stock::Sent* sent = sent_by(c.from, c.dispatch)) {
      if (sent->to == state.site) return {};
      return fail(
          "stock/not_for_here",
          fmt::format("{} sent this dispatch to {}, not to {}; it is received there. Look at the paper again; if "
                      "its goods are here, send them on",
                      clean(c.from.view()), clean(sent->to.view()), state.site.view()));
    }
    for (const auto& [name, peer] : state.peers) {
      const stock::Sent* sent = sent_by(name, c.dispatch);
      if (sent != nullptr && sent->to == state.site)
        return fail("stock/other_sender", fmt::format("{} sent this dispatch, not {}; name it as the sender",
                                                      clean(name.view()), clean(c.from.view())));
    }
    return {};
  }
  const stock::Sent* sent_by(const SiteName& site, const DispatchId& id) const {
    const auto peer = state.peers.find(site);
    if (peer == state.peers.end()) return nullptr;
    const auto sent = peer->second.dispatches.find(id);
    return sent == peer->second.dispatches.end() ? nullptr : &sent->second;
  }
  // Scanners send barcodes. Goods booked under one lie where no sale takes them from, as a till sells the SKU. What is
  // on the book under such a code already (sold there before its product was listed) can be put right.
  Status check_are_skus(const std::vector<stock::Line>& lines) const {
    const catalogue::CatalogueState* list = state.prices();
    if (happened || list == nullptr) return {};
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Sku& code = lines[i].sku;
      if (list->find(code) != nullptr || state.stock.items.find(code) != state.stock.items.end()) continue;
      if (const catalogue::Listed* listed = list->find_code(code.view()))
        return fail("stock/bad_line", fmt::format("line {} ({}) is the barcode of product {}; book it under that SKU",
                                                  i + 1, clean(code.view()), clean(listed->product.sku.view())));
    }
    return {};
  }
  Status check_first_time() const {
    if (request.prior)
      return fail("feed/take_again", "it is the old system's word, not ours: the feed takes that file again by itself");
    return {};
  }
  till::Numbering numbering() const {
    return {request.prior ? request.printed_receipt : std::nullopt, state.currency_decimals, happened};
  }
  till::VatRates vat_rates() const {
    till::VatRates rates;
    for (const chain::VatRate& rate : context.chain.vat_rates) rates.emplace(rate.code, rate.millionths);
    return rates;
  }
  std::vector<std::optional<till::PriceInfo>> prices_of(const std::vector<till::AskedLine>& lines) const {
    std::vector<std::optional<till::PriceInfo>> out(lines.size());
    const catalogue::CatalogueState* list = state.prices();
    for (std::size_t i = 0; list != nullptr && i < lines.size(); ++i) {
      const catalogue::Listed* listed = list->find(lines[i].sku);
      if (listed == nullptr) continue;
      const catalogue::Product& p = listed->product;
      out[i] = till::PriceInfo{p.unit_price, p.vat, p.name, p.goods, listed->at.epoch, listed->at.index + 1};
    }
    return out;
  }
  Result<till::SaleRecorded> sale_of(const ReceiptNumber& receipt) const {
    const till::ReceiptPlace* place = state.till.find(receipt);
    if (place == nullptr)
      return fail("till/unknown_receipt", fmt::format("receipt {} is not one of this site's", to_text(receipt)));
    HF_TRY(Event event, context.entries.read(place->epoch, place->index));
    auto* sale = std::get_if<till::SaleRecorded>(&event.body);
    if (sale == nullptr || sale->receipt != receipt)
      return fail("till/unknown_receipt",
                  fmt::format("receipt {} is not of a sale, so there is nothing to refund", to_text(receipt)));
    return std::move(*sale);
  }
};

bool is_of_incident(const Command& command) {
  return std::visit(
      [](const auto& c) {
        using C = std::decay_t<decltype(c)>;
        return std::is_same_v<C, incident::OpenIncident> || std::is_same_v<C, incident::NoteIncident> ||
               std::is_same_v<C, incident::SetTask> || std::is_same_v<C, incident::JoinIncidents> ||
               std::is_same_v<C, incident::CloseIncident> || std::is_same_v<C, incident::StepRejoin>;
      },
      command);
}

// A write that was sent again and cannot be its event goes on the list with its body, never away (8.3, 6.4).
WriteListed list_write(const WriteRequest& request, const Error& refusal) {
  WriteListed out;
  out.id = listed_id({request.till, request.key});
  out.reason = std::string(refusal.code);
  if (is_utf8(refusal.text) && refusal.text.size() < 4000) out.reason += ": " + refusal.text;
  const std::string_view body = std::string_view(request.body).substr(0, listed_body_bytes_max);
  out.body = is_utf8(body) ? std::string(body) : to_hex(as_bytes(body));
  return out;
}

// Protocol 8.5: what stood in a journal so long ago may have been taken here, and its key be forgotten.
constexpr std::string_view too_old_code = "fold/too_old";
constexpr std::string_view card_number_code = "till/card_number";
bool may_be_forgotten(const State& state, const WriteRequest& request) {
  return request.prior && request.prior->at <= state.writes_forgotten_to && state.writes_forgotten_to != Instant{};
}
Result<Body> too_old() {
  return fail(too_old_code,
              "it is older than the writes that are remembered here, so it may have been taken before; compare it with "
              "the day's takings, and close it");
}

// Whether it comes back from the journal as it is.
bool can_be_told(const Prior& prior) {
  const std::string text = prior.origin.text();
  const auto back = parse_origin(text);
  return back && *back == prior.origin && is_clean_text(text) && prior.index <= (1ull << 62);
}

std::optional<ReceiptNumber> receipt_of(const Body& body) {
  return std::visit(
      [](const auto& e) -> std::optional<ReceiptNumber> {
        if constexpr (requires { e.receipt; })
          return e.receipt;
        else
          return std::nullopt;
      },
      body);
}

// The body for a write that was sent again (prior is set), though rules refuse it now.
Result<Body> decide_again(Asked asked, WriteInfo& write, const Error& refusal) {
  const WriteRequest& request = asked.request;
  if (refusal.code == card_number_code) return pass_on(refusal);  // it may not even be listed (promise 9)
  const bool readmitted = request.prior->readmitted;
  if (refusal.code != too_old_code && has_physically_happened(request.command)) {
    asked.happened = true;
    auto body = std::visit(asked, request.command);
    if (body) {
      write.prior->broke = std::string(refusal.code);
      return body;
    }
    const bool may_come = asked.context.now.unix_ns < (asked.state.started_at + resubmission_waits).unix_ns;
    if (!readmitted && may_come && body.error().code == "till/unknown_receipt")
      return fail("fold/waits", "the sale that this refund is for has not come back yet; send it again later");
  }
  if (readmitted) return pass_on(refusal);
  return Body{list_write(request, refusal)};
}

// A till alone takes little cash for one sale; its page sees to that, and a till that did not is put before a person.
bool is_beyond_alone(const chain::ChainFile& chain, const Event& event) {
  const auto* sale = std::get_if<till::SaleRecorded>(&event.body);
  if (sale == nullptr || !was_rung_alone(event)) return false;
  return till::moves_much_cash(sale->tenders, sale->change, chain.currency.decimals);
}

// Why a write that came back is put before a person though no rule refuses it: the gravest reason, or none.
std::string wants_a_person(const chain::ChainFile& chain, const WriteRequest& request, const Event& event) {
  if (is_beyond_alone(chain, event)) return "till/rung_alone_cash";
  if (request.lacks_role) return "auth/role";
  if (std::holds_alternative<stock::StockCounted>(event.body)) return "stock/counted_before";
  return {};
}

}  // namespace

// Protocol 6.2. A dispatch that arrived twice is not among them: it arrived once, and which of the two it was a person
// must say.
bool has_physically_happened(const Command& command) {
  return std::visit(
      [](const auto& c) {
        using C = std::decay_t<decltype(c)>;
        return std::is_same_v<C, till::RecordSale> || std::is_same_v<C, till::Refund> ||
               std::is_same_v<C, till::RefundNoReceipt> || std::is_same_v<C, stock::Receive> ||
               std::is_same_v<C, stock::WriteOff> || std::is_same_v<C, stock::Count> ||
               std::is_same_v<C, stock::Dispatch> || std::is_same_v<C, stock::ReceiveDispatch>;
      },
      command);
}

Result<Decided> decide(const State& state, const DecideContext& context, const WriteRequest& request) {
  if (request.key.is_zero())
    return fail("fold/bad_key", "the write's key is all zeros; draw 128 random bits for each write");
  const Hash hash = request.known_request ? *request.known_request : request_hash(request);
  if (const KnownWrite* known = state.find_write({request.till, request.key})) {
    if (known->request != hash && !HF_MUTANT(11))
      return fail("fold/key_reused", "this key was used for another write; draw a new key for each write");
    return Decided{std::nullopt, *known};
  }
  if ((request.at && request.at->unix_ns < 0) || (request.prior && request.prior->at.unix_ns < 0))
    return fail("base/bad_time", "times before 1970 cannot be recorded; set the clock of the till");
  if (request.prior && !can_be_told(*request.prior))
    return fail("fold/bad_text", "the origin where this write stood before is not one; send it as the reply gave it");
  Event event{context.now, WriteInfo{request.till, request.key, hash, request.staff, request.prior}, {}};
  if (event.write->prior) {  // what these say is found out below
    event.write->prior->printed.reset();
    event.write->prior->broke.clear();
  }
  // Who knew what, and when, is the point of an incident: its records have the node's time and no client's.
  if (request.at && !request.prior && !is_of_incident(request.command)) event.at = std::min(*request.at, context.now);
  Asked asked{state, context, request};
  auto body = std::visit(asked, request.command);
  if (may_be_forgotten(state, request) && (body || body.error().code != card_number_code)) body = too_old();
  if (!body && request.prior) body = decide_again(asked, *event.write, body.error());
  if (HF_MUTANT(26) && request.prior && !request.prior->readmitted) body = Body{list_write(request, {"planted", ""})};
  if (!body) return pass_on(std::move(body).error());
  event.body = std::move(*body);
  if (event.write->prior && event.write->prior->broke.empty())
    event.write->prior->broke = wants_a_person(context.chain, request, event);
  if (request.prior && request.printed_receipt) {
    const auto given = receipt_of(event.body);
    if (given && *given != *request.printed_receipt && request.printed_receipt->n != 0)
      event.write->prior->printed = *request.printed_receipt;
  }
  return Decided{std::move(event), std::nullopt};
}

}  // namespace holdfast::fold
