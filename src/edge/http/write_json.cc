#include "edge/http/write_json.h"

#include <fmt/format.h>

#include <array>

namespace holdfast::http {
namespace {

using people::Role;

constexpr Quantity more_than_nothing{1};
constexpr Quantity nothing_or_more{0};
constexpr TextRule free_text{.bytes_max = till::text_bytes_max, .free_text = true};

std::vector<till::Tender> read_tenders(Fields& write) {
  std::vector<till::Tender> tenders;
  write.each("tenders", 0, till::tenders_max, [&](Fields& item) {
    till::Tender& tender = tenders.emplace_back();
    const std::string kind = item.text("kind", {});
    tender.amount = item.money("amount");
    if (kind == "card") {
      tender.kind = till::TenderKind::card;
      tender.token = item.text("token", free_text);
      tender.masked = item.text_or_empty("masked", {.bytes_max = 40, .free_text = true});
      const std::string result = item.text("result", {});
      if (result != "approved" && result != "declined")
        item.refuse("http/bad_value", "result", "must be \"approved\" or \"declined\"");
      if (result == "declined") tender.result = till::CardResult::declined;
    } else if (kind != "cash") {
      item.refuse("http/bad_value", "kind", "must be \"cash\" or \"card\"");
    }
  });
  return tenders;
}

std::vector<till::AskedLine> read_lines(Fields& write) {
  std::vector<till::AskedLine> lines;
  write.each("lines", 1, till::lines_max, [&](Fields& item) {
    till::AskedLine& line = lines.emplace_back();
    line.sku = item.short_text<Sku>("sku");
    line.quantity = item.quantity("quantity", more_than_nothing);
    line.unit_price = item.unit_price("unit_price");
    line.vat = item.short_text<VatCode>("vat");
    line.name = item.text_or_empty("name", {.bytes_max = catalogue::name_bytes_max, .free_text = true});
    line.open_price = item.flag("open", false);
  });
  return lines;
}

std::vector<stock::Line> read_stock(Fields& write, std::string_view amount, Quantity min) {
  std::vector<stock::Line> lines;
  write.each("lines", 1, stock::lines_max, [&](Fields& item) {
    stock::Line& line = lines.emplace_back();
    line.sku = item.short_text<Sku>("sku");
    line.quantity = item.quantity(amount, min);
  });
  return lines;
}

fold::Command read_sale(Fields& write, TillId till) {
  till::RecordSale sale{.till = till};
  sale.lines = read_lines(write);
  sale.tenders = read_tenders(write);
  sale.change = write.money_or_zero("change");
  return sale;
}
fold::Command read_refund(Fields& write, TillId till) {
  till::Refund refund{.till = till};
  refund.of = write.receipt("receipt");
  write.each("lines", 1, till::lines_max, [&](Fields& item) {
    till::AskedRefundLine& line = refund.lines.emplace_back();
    line.line = static_cast<std::uint32_t>(item.number("line", 0, till::lines_max - 1));
    line.quantity = item.quantity("quantity", more_than_nothing);
  });
  refund.tenders = read_tenders(write);
  refund.reason = write.text_or_empty("reason", free_text);
  return refund;
}
fold::Command read_refund_no_receipt(Fields& write, TillId till) {
  till::RefundNoReceipt refund{.till = till};
  refund.lines = read_lines(write);
  refund.tenders = read_tenders(write);
  refund.reason = write.text("reason", free_text);
  return refund;
}
fold::Command read_receive(Fields& write, TillId) {
  stock::Receive receive;
  receive.lines = read_stock(write, "quantity", more_than_nothing);
  receive.reference = write.text_or_empty("reference", free_text);
  return receive;
}
fold::Command read_write_off(Fields& write, TillId) {
  stock::WriteOff write_off;
  write_off.lines = read_stock(write, "quantity", more_than_nothing);
  write_off.reason = write.text("reason", free_text);
  return write_off;
}
fold::Command read_count(Fields& write, TillId) { return stock::Count{read_stock(write, "counted", nothing_or_more)}; }
fold::Command read_dispatch(Fields& write, TillId) {
  stock::Dispatch dispatch;
  dispatch.to = write.site("to");
  dispatch.lines = read_stock(write, "quantity", more_than_nothing);
  return dispatch;
}
fold::Command read_receive_dispatch(Fields& write, TillId) {
  stock::ReceiveDispatch receive;
  receive.from = write.site("from");
  receive.dispatch.bytes = write.hex<16>("dispatch");
  receive.lines = read_stock(write, "quantity", nothing_or_more);  // what never arrived is told as 0
  return receive;
}
fold::Command read_list_products(Fields& write, TillId) {
  catalogue::ListProducts list;
  write.each("products", 1, catalogue::products_a_command_max, [&](Fields& item) {
    catalogue::Product& product = list.products.emplace_back();
    product.sku = item.short_text<Sku>("sku");
    product.gtin = item.text_or_empty("gtin", {.bytes_max = 14});
    product.name = item.text("name", {.bytes_max = catalogue::name_bytes_max, .free_text = true});
    product.unit_price = item.unit_price("unit_price");
    product.vat = item.short_text<VatCode>("vat");
    product.goods = item.needed_flag("goods");
  });
  return list;
}
fold::Command read_delist_product(Fields& write, TillId) {
  return catalogue::DelistProduct{write.short_text<Sku>("sku")};
}
fold::Command read_accept_held(Fields& write, TillId) {
  fold::AcceptHeld accept;
  accept.entry.origin = write.origin("origin");
  accept.entry.index = write.number("index", 0, INT64_MAX);
  accept.products = write.hex<32>("products_sha256");
  // Of nothing: inside, that is whatever waits.
  if (accept.products == Hash{}) write.refuse("http/bad_value", "products_sha256", "is that of no list");
  return accept;
}
fold::Command read_close_listed(Fields& write, TillId) {
  fold::CloseListed close;
  close.id.bytes = write.hex<16>("id");
  close.note = write.text("note", free_text);
  return close;
}
fold::Command read_begin_standby(Fields& write, TillId) {
  return standby::Begin{write.text_or_empty("reason", free_text)};
}
fold::Command read_resume_standby(Fields& write, TillId) {
  return standby::Resume{write.text_or_empty("reason", free_text)};
}
standby::Totals read_totals(Fields& write, std::string_view amount) {
  standby::Totals totals;
  write.each("totals", 0, standby::totals_max, [&](Fields& item) {
    standby::TotalKey key;
    key.day = item.integer("day");
    const auto kind = standby::total_kind_of(item.text("total", {}));
    if (!kind) item.refuse("http/bad_value", "total", "must be sales, refunds, gross, taxed, vat or paid");
    key.kind = kind.value_or(standby::TotalKind::sales);
    key.code = item.text_or_empty("code", {.bytes_max = standby::code_bytes_max});
    if (!totals.emplace(key, item.integer(amount)).second) item.refuse("http/bad_value", "total", "stands twice");
  });
  return totals;
}
EntryPlace read_place(Fields& write, std::string_view name) {
  EntryPlace place;
  write.object_if_any(name, [&](Fields& item) {
    place.epoch = static_cast<std::uint32_t>(item.number("epoch", 1, UINT32_MAX));
    place.index = item.number("index", 0, INT64_MAX);
  });
  if (place.epoch == 0) write.refuse("http/missing_field", name, "is needed: {\"epoch\": 1, \"index\": 0}");
  return place;
}
fold::Command read_handback(Fields& write, TillId) {
  standby::MakeHandback made;
  made.number = static_cast<std::uint32_t>(write.number("number", 1, UINT32_MAX));
  made.first = read_place(write, "first");
  made.end = read_place(write, "end");
  made.writer = static_cast<std::uint32_t>(write.number("writer", 1, UINT32_MAX));
  made.settings = write.text_or_empty("settings", {.bytes_max = standby::settings_bytes_max, .lines = true});
  write.each("files", 1, standby::files_max, [&](Fields& item) {
    standby::File& file = made.files.emplace_back();
    file.name = item.text("name", {.bytes_max = standby::file_name_bytes_max});
    file.sha256 = item.hex<32>("sha256");
    file.bytes = item.number("bytes", 0, INT64_MAX);
  });
  made.totals = read_totals(write, "amount");
  made.counts.sales = write.number("sales", 0, INT64_MAX);
  made.counts.refunds = write.number("refunds", 0, INT64_MAX);
  made.counts.movements = write.number("movements", 0, INT64_MAX);
  made.late = write.number("late", 0, INT64_MAX);
  return made;
}
fold::Command read_confirm_handback(Fields& write, TillId) {
  standby::ConfirmHandback confirm;
  confirm.number = static_cast<std::uint32_t>(write.number("number", 1, UINT32_MAX));
  confirm.reported = read_totals(write, "reported");
  confirm.note = write.text_or_empty("note", free_text);
  return confirm;
}

incident::IncidentId read_incident(Fields& write, std::string_view name = "incident") { return {write.hex<16>(name)}; }
SubjectId read_subject_if_any(Fields& write, std::string_view name) {
  return write.has(name) ? SubjectId{write.hex<16>(name)} : SubjectId{};
}
// One of the words that an enumeration of `count` has.
template <class Enum>
Enum read_word(Fields& write, std::string_view name, std::uint8_t count, Enum otherwise) {
  if (!write.has(name)) return otherwise;
  const std::string given = write.text(name, {.bytes_max = 40});
  std::string known;
  for (std::uint8_t i = 0; i < count; ++i) {
    const std::string_view each = to_text(static_cast<Enum>(i));
    if (each == given) return static_cast<Enum>(i);
    known += (known.empty() ? "" : ", ") + std::string(each);
  }
  write.refuse("http/bad_value", name, "must be one of: " + known);
  return otherwise;
}
constexpr TextRule incident_text{.bytes_min = 0, .bytes_max = incident::text_bytes_max, .free_text = true};

fold::Command read_open_incident(Fields& write, TillId) {
  return incident::OpenIncident{write.text("title", {.bytes_max = incident::title_bytes_max, .free_text = true})};
}
fold::Command read_note_incident(Fields& write, TillId) {
  incident::NoteIncident note;
  note.incident = read_incident(write);
  note.kind = read_word(write, "note", incident::note_kinds, incident::NoteKind::note);
  note.knowing = read_word(write, "knowing", 4, incident::Knowing::known);
  note.text = write.text_or_empty("text", incident_text);
  note.about.from = write.time_if_any("about_from");
  note.about.to = write.time_if_any("about_to");
  note.by_whom = read_subject_if_any(write, "by_whom");
  if (write.has("corrects")) note.corrects = incident::NoteId{write.hex<16>("corrects")};
  return note;
}
fold::Command read_set_task(Fields& write, TillId) {
  incident::SetTask task;
  task.incident = read_incident(write);
  if (write.has("task")) task.task = incident::TaskId{write.hex<16>("task")};
  task.text = write.text("text", incident_text);
  task.owner = read_subject_if_any(write, "owner");
  task.state = read_word(write, "state", 4, incident::TaskState::open);
  return task;
}
fold::Command read_join_incidents(Fields& write, TillId) {
  incident::JoinIncidents join;
  join.into = read_incident(write, "into");
  write.each("others", 1, incident::joined_max, [&](Fields& item) { join.others.push_back(read_incident(item)); });
  return join;
}
fold::Command read_rejoin_step(Fields& write, TillId) {
  incident::StepRejoin step;
  step.site = write.site("link");
  step.check = read_word(write, "check", incident::rejoin_checks, incident::RejoinCheck::clean_point);
  step.not_needed = write.flag("not_needed", false);
  step.text = write.text_or_empty("text", incident_text);
  return step;
}
fold::Command read_close_incident(Fields& write, TillId) {
  incident::CloseIncident close;
  close.incident = read_incident(write);
  close.text = write.text_or_empty("text", incident_text);
  return close;
}

fold::Command read_feed_stock(Fields& write, TillId) {
  stock::Feed fed;
  fed.as_of = write.time("as_of");
  fed.lines = read_stock(write, "level", Quantity{-quantity_thousandths_max});
  return fed;
}
fold::Command read_feed_orders(Fields& write, TillId) {
  feed::FeedOrders fed;
  fed.as_of = write.time("as_of");
  write.each("orders", 0, feed::orders_a_command_max, [&](Fields& item) {
    feed::Order& order = fed.orders.emplace_back();
    order.number = item.text("number", {.bytes_max = feed::number_bytes_max});
    order.state = item.text_or_empty("state", {.bytes_max = feed::state_bytes_max});
    if (item.has("customer")) order.customer.bytes = item.hex<16>("customer");
    order.placed_at = item.time_if_any("placed_at").value_or(Instant{});
    item.each("lines", 1, feed::lines_a_command_max, [&](Fields& line) {
      order.lines.push_back({line.has("sku") ? line.short_text<Sku>("sku") : Sku(), line.quantity("quantity", {1})});
    });
  });
  write.each("gone", 0, feed::lines_a_command_max,
             [&](Fields& item) { fed.gone.push_back(item.text("number", {.bytes_max = feed::number_bytes_max})); });
  return fed;
}
fold::Command read_feed_taken(Fields& write, TillId) {
  feed::TakeFile take;
  feed::FeedTaken& file = take.file;
  const auto kind = feed::kind_of(write.text("feed", {}));
  if (kind)
    file.kind = *kind;
  else
    write.refuse("http/bad_value", "feed", "must be \"catalogue\", \"stock\" or \"orders\"");
  file.stream = write.text("stream", {.bytes_max = feed::stream_bytes_max});
  file.file = write.text("file", {.bytes_max = feed::file_bytes_max});
  file.sha256 = write.hex<32>("sha256");
  file.as_of = write.time("as_of");
  file.whole = write.flag("whole", false);
  file.accepted = write.flag("accepted", false);
  for (const auto& [name, number] :
       {std::pair{"rows", &file.rows}, {"refused", &file.refused}, {"taken", &file.taken}, {"changed", &file.changed}})
    *number = write.number(name, 0, INT64_MAX);
  return take;
}

struct Kind {
  std::string_view name;
  fold::Command (*read)(Fields&, TillId);
  std::optional<Role> needs;
  bool at_a_till = false;
  bool in_person = false;  // by whoever is signed in, at a till too: no till sends it for its staff later
};
constexpr std::array<Kind, 25> kinds = {{
    {"sale", read_sale, {}, true},
    {"refund", read_refund, {}, true},
    {"refund_no_receipt", read_refund_no_receipt, Role::manager, true},
    {"receive", read_receive, {}},
    {"write_off", read_write_off, Role::manager},
    {"count", read_count, Role::manager},
    {"dispatch", read_dispatch, Role::manager},
    {"receive_dispatch", read_receive_dispatch, {}},
    {"list_products", read_list_products, Role::chain_operator},
    {"delist_product", read_delist_product, Role::chain_operator},
    {"feed_stock", read_feed_stock, Role::chain_operator},
    {"feed_orders", read_feed_orders, Role::chain_operator},
    {"feed_taken", read_feed_taken, Role::chain_operator},
    {"accept_held", read_accept_held, Role::manager},
    {"close_listed", read_close_listed, Role::manager},
    {"open_incident", read_open_incident, Role::manager, false, true},
    {"note_incident", read_note_incident, Role::manager, false, true},
    {"set_task", read_set_task, Role::manager, false, true},
    {"join_incidents", read_join_incidents, Role::manager, false, true},
    {"close_incident", read_close_incident, Role::manager, false, true},
    {"rejoin_step", read_rejoin_step, Role::manager, false, true},
    {"begin_standby", read_begin_standby, Role::manager},
    {"resume_standby", read_resume_standby, Role::manager},
    {"handback", read_handback, Role::manager},
    {"confirm_handback", read_confirm_handback, Role::manager},
}};

const Kind* kind_of(Fields& write) {
  const std::string name = write.text("kind", {.bytes_max = 40});
  if (!write.ok()) return nullptr;
  for (const Kind& kind : kinds) {
    if (kind.name == name) return &kind;
  }
  std::string known;
  for (const Kind& kind : kinds) known += (known.empty() ? "" : ", ") + std::string(kind.name);
  write.refuse("http/unknown_kind", "kind", fmt::format("\"{}\" is none of: {}", name, known));
  return nullptr;
}

TillId read_till(Fields& write, const Asker& asker, const Kind& kind) {
  TillId till = asker.till;
  if (write.has("till")) {
    const TillId named{static_cast<std::uint32_t>(write.number("till", 1, UINT32_MAX))};
    if (asker.is_local && till.number == 0) {
      till = named;
    } else if (named != till) {
      write.refuse("auth/till", "till", "is not the till that sends the write; leave it out");
    }
  }
  if (kind.at_a_till && till.number == 0) {
    write.refuse("till/no_till", "till",
                 "is needed: this kind of write is made at an enrolled till, with its device key");
  }
  return till;
}

SubjectId read_staff(Fields& write, const Asker& asker, const Kind& kind) {
  const bool speaks_for_itself = asker.till.number == 0 || kind.in_person;
  if (!write.has("staff")) {
    if (asker.is_local) return {};
    if (speaks_for_itself && asker.signed_in) return *asker.signed_in;
  }
  const SubjectId staff{write.hex<16>("staff")};
  // A till sends what its staff did before, also after they have left; a person alone speaks for nobody else. Who did
  // a check of a rejoin, and who else agreed, is nothing that one of them may say for both.
  const bool is_another = asker.signed_in ? staff != *asker.signed_in : kind.in_person;
  if (!asker.is_local && speaks_for_itself && is_another) {
    write.refuse("auth/staff", "staff", "is not the person who is signed in");
  }
  return staff;
}

void read_prior(Fields& write, fold::WriteRequest& request) {
  write.object_if_any("prior", [&](Fields& item) {
    fold::Prior prior;
    prior.origin = item.origin("origin");
    if (prior.origin.epoch == fold::rung_alone_epoch)
      item.refuse("http/bad_value", "origin", "is no journal's; what was rung alone is sent with `alone`");
    prior.index = item.number("index", 0, INT64_MAX);
    prior.at = item.time("at");
    if (item.has("receipt")) request.printed_receipt = item.receipt("receipt");
    request.prior = prior;
  });
}

// Rung by the till while no machine of the store answered, under a number of its own: it has happened, like what is
// sent again. Its origin says that it stood in no journal.
void read_alone(Fields& write, const Asker& asker, fold::WriteRequest& request) {
  write.object_if_any("alone", [&](Fields& item) {
    const ReceiptNumber receipt = item.receipt("receipt");
    fold::Prior prior;
    prior.at = item.time("at");
    prior.index = receipt.n;
    prior.origin = {std::string(asker.chain), asker.site, fold::rung_alone_epoch};
    // Also of a till whose writes somebody hands in from its file (`import till-writes`).
    if (request.till.number == 0 || receipt.till != request.till)
      item.refuse("http/bad_value", "receipt", "must be a number of the till that rang the sale");
    request.prior = prior;
    request.printed_receipt = receipt;
  });
}

// The time at the till becomes the event's time.
template <class Request>
void set_time(Request& request, std::optional<Instant> at) {
  if constexpr (requires { request.at = at; }) request.at = at;
}

}  // namespace

Result<const json::array*> writes_of(const json::value& body) {
  const json::object* object = body.if_object();
  if (object == nullptr) return fail("http/wrong_type", "The body must be an object {\"writes\": [...]}.");
  const json::value* writes = object->if_contains("writes");
  if (writes == nullptr) return fail("http/missing_field", "writes is missing: the body must be {\"writes\": [...]}.");
  if (object->size() != 1)
    return fail("http/unknown_field", "The body holds more than \"writes\": take the other fields out.");
  const json::array* list = writes->if_array();
  if (list == nullptr) return fail("http/wrong_type", "writes must be a list […].");
  if (list->empty()) return fail("http/bad_value", "writes must not be empty.");
  if (list->size() > writes_a_batch_max) {
    return fail("http/too_many",
                fmt::format("writes has {} items, at most {} are taken at once: send them in several requests.",
                            list->size(), writes_a_batch_max));
  }
  return list;
}

Result<ParsedWrite> parse_write(const json::value& value, const Asker& asker) {
  std::optional<Error> problem;
  Fields write(value, "", problem);
  ParsedWrite parsed;
  fold::WriteRequest& request = parsed.request;
  request.key.bytes = write.hex<16>("key");
  const Kind* kind = kind_of(write);
  if (kind != nullptr) {
    request.till = read_till(write, asker, *kind);
    request.staff = read_staff(write, asker, *kind);
    set_time(request, write.time_if_any("at"));
    read_prior(write, request);
    if (write.has("alone")) {
      if (kind->name != "sale" || request.prior)
        write.refuse("http/bad_value", "alone", "goes with a sale that is sent for the first time");
      read_alone(write, asker, request);
    }
    request.command = kind->read(write, request.till);
    // What a till has done already, with a reply in hand, is not undone by refusing it (protocol 8.2, 6.2). But a prior
    // is only what its sender says: what is no more than a decision waits for somebody who may take it.
    parsed.has_happened =
        request.prior.has_value() && asker.till.number != 0 && fold::has_physically_happened(request.command);
    parsed.needs = kind->needs;
  }
  write.finish();
  if (problem) return pass_on(std::move(*problem));
  if (request.prior) request.body = json::serialize(value);
  return parsed;
}

std::string key_as_sent(const json::value& write) {
  const json::object* object = write.if_object();
  const json::value* key = object == nullptr ? nullptr : object->if_contains("key");
  const json::string* text = key == nullptr ? nullptr : key->if_string();
  return text == nullptr ? std::string() : std::string(text->data(), std::min<std::size_t>(text->size(), 64));
}

}  // namespace holdfast::http
