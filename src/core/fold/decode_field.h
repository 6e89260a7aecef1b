// Reading the tables of an entry that is not trusted yet: shared by the readers of each domain, for decode.cc alone.
//
// Shape:  Field collects the first thing that is wrong, so that each field is one line and the whole is checked once;
//         one read() a kind of entry, in decode_journal.cc, decode_trade.cc, decode_incident.cc and decode_standby.cc.
// Errors: fold/bad_entry, in Field. What read() returns then is not to be used.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/text.h"
#include "core/fold/event.h"
#include "schema/events_generated.h"

namespace holdfast::fold {

inline constexpr std::size_t signed_note_bytes_max = 1u
                                                     << 20;  // signed notes: registrations, certificates, checkpoints
inline constexpr std::size_t reason_bytes_max = 4096;
inline constexpr std::size_t peers_max = 10'000;
inline constexpr std::uint64_t size_max = 1ull << 62;  // of a journal

class Field {
 public:
  explicit Field(std::size_t entry_bytes) : left_(entry_bytes) {}
  void wrong(std::string_view field, std::string_view why) {
    if (!error_) error_ = Error{bad_entry, fmt::format("the entry's {} {}", field, why)};
  }
  void pass(Status status) {
    if (!status && !error_) error_ = Error{bad_entry, std::move(status.error().text)};
  }
  void expect(bool holds, std::string_view field, std::string_view why) {
    if (!holds) wrong(field, why);
  }
  bool ok() const { return !error_; }
  std::optional<Error> take_error() { return std::move(error_); }

  std::string_view view(const flatbuffers::String* s, std::string_view field, std::size_t bytes_max) {
    if (s == nullptr) return "";  // not {}: memcpy may not be given its null, even for no bytes
    if (s->size() > bytes_max) {
      wrong(field, "is too long");
      return "";
    }
    return {s->c_str(), s->size()};
  }
  std::string text(const flatbuffers::String* s, std::string_view field, std::size_t bytes_max) {
    const std::string_view t = view(s, field, bytes_max);
    if (!is_utf8(t)) wrong(field, "is not UTF-8");
    return std::string(t);
  }
  template <class T>
  T short_text(const flatbuffers::String* s, std::string_view field) {
    return T(view(s, field, T::bytes_max));
  }
  ByteView bytes(const flatbuffers::Vector<std::uint8_t>* v, std::string_view field, std::size_t bytes_max) {
    if (v == nullptr) return {};
    if (v->size() > bytes_max) {
      wrong(field, "is too long");
      return {};
    }
    return {reinterpret_cast<const std::byte*>(v->data()), v->size()};
  }
  template <std::size_t N>
  ByteArray<N> array(const flatbuffers::Vector<std::uint8_t>* v, std::string_view field) {
    const auto out = array_from<N>(bytes(v, field, N));
    if (!out) wrong(field, "has a wrong size");
    return out.value_or(ByteArray<N>{});
  }
  std::string note(const flatbuffers::Vector<std::uint8_t>* v, std::string_view field) {
    const std::string_view t = as_text(bytes(v, field, signed_note_bytes_max));
    if (!is_utf8(t)) wrong(field, "is not UTF-8");
    return std::string(t);
  }
  Origin origin(const flatbuffers::String* s, std::string_view field) {
    const std::string_view t = view(s, field, 200);
    auto parsed = parse_origin(t);
    if (!parsed || !is_clean_text(t)) {
      wrong(field, "is no origin");
      return {};
    }
    return std::move(*parsed);
  }
  SiteName site(const flatbuffers::String* s, std::string_view field) {
    const auto name = short_text<SiteName>(s, field);
    const bool fine = !name.empty() && std::ranges::all_of(name.view(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!fine) wrong(field, "is no site's name");
    return name;
  }
  Instant time(std::uint64_t at, std::string_view field) {
    if (at > static_cast<std::uint64_t>(INT64_MAX)) wrong(field, "is out of range");
    return Instant{static_cast<std::int64_t>(at)};
  }
  // For lists in lists of numbers, whose items FlatBuffers' verifier does not count: they may share bytes, which a
  // small entry could make gigabytes of. We write each apart, so all of them are no more than the entry.
  bool take(std::size_t bytes, std::string_view field) {
    if (bytes > left_) {
      wrong(field, "overlap");
      return false;
    }
    left_ -= bytes;
    return true;
  }
  // Items of a list, each made by `make`; stops at the first that is wrong.
  template <class T, class Table, class Make>
  std::vector<T> list(const flatbuffers::Vector<flatbuffers::Offset<Table>>* v, std::string_view field,
                      std::size_t count_max, Make make) {
    std::vector<T> out;
    if (v == nullptr) return out;
    if (v->size() > count_max) {
      wrong(field, "has too many items");
      return out;
    }
    out.reserve(v->size());
    for (flatbuffers::uoffset_t i = 0; i < v->size() && ok(); ++i) out.push_back(make(*v->Get(i)));
    return out;
  }

 private:
  std::optional<Error> error_;
  std::size_t left_;
};

inline ReceiptNumber receipt_number(std::uint32_t till, std::uint64_t series, std::uint64_t n) {
  return {TillId{till}, SeriesId{series}, n};
}
// A subject id; nobody, where there is none.
inline SubjectId person(Field& f, const flatbuffers::Vector<std::uint8_t>* id) {
  return id == nullptr ? SubjectId{} : SubjectId{f.array<16>(id, "person")};
}
// The event, and what its own domain says of it: both arguments are evaluated before the move inside.
template <class E>
Body checked(Field& f, E&& event, Status status) {
  f.pass(std::move(status));
  return std::forward<E>(event);
}

Body read(Field& f, const fbs::EpochOpened& t);
Body read(Field& f, const fbs::NodeStarted& t);
Body read(Field& f, const fbs::RulesAdopted& t);
Body read(Field& f, const fbs::Part& t);
Body read(Field& f, const fbs::PeerFollowed& t);
Body read(Field& f, const fbs::PeerSucceeded& t);
Body read(Field& f, const fbs::PeerEntryAccepted& t);
Body read(Field& f, const fbs::EpochSealed& t);
Body read(Field& f, const fbs::RegistrationTaken& t);
Body read(Field& f, const fbs::ContradictionSeen& t);
Body read(Field& f, const fbs::TailListed& t);
Body read(Field& f, const fbs::WriteListed& t);
Body read(Field& f, const fbs::ListedClosed& t);
Body read(Field& f, const fbs::SubjectRead& t);
Body read(Field& f, const fbs::ProductsListed& t);
Body read(Field& f, const fbs::ProductDelisted& t);
Body read(Field& f, const fbs::StockReceived& t);
Body read(Field& f, const fbs::StockWrittenOff& t);
Body read(Field& f, const fbs::StockCounted& t);
Body read(Field& f, const fbs::StockDispatched& t);
Body read(Field& f, const fbs::DispatchReceived& t);
Body read(Field& f, const fbs::SaleRecorded& t);
Body read(Field& f, const fbs::RefundRecorded& t);
Body read(Field& f, const fbs::RefundWithoutReceipt& t);
Body read(Field& f, const fbs::StockFed& t);
Body read(Field& f, const fbs::FeedTaken& t);
Body read(Field& f, const fbs::OrdersFed& t);
Body read(Field& f, const fbs::AlertRaised& t);
Body read(Field& f, const fbs::PostureChanged& t);
Body read(Field& f, const fbs::IncidentOpened& t);
Body read(Field& f, const fbs::IncidentNoted& t);
Body read(Field& f, const fbs::TaskSet& t);
Body read(Field& f, const fbs::IncidentsJoined& t);
Body read(Field& f, const fbs::IncidentClosed& t);
Body read(Field& f, const fbs::RejoinStep& t);
Body read(Field& f, const fbs::LinkCut& t);
Body read(Field& f, const fbs::LinkHealed& t);
Body read(Field& f, const fbs::StandbyBegun& t);
Body read(Field& f, const fbs::TakenOver& t);
Body read(Field& f, const fbs::StandbyResumed& t);
Body read(Field& f, const fbs::HandbackMade& t);
Body read(Field& f, const fbs::HandbackConfirmed& t);

}  // namespace holdfast::fold
