// This machine as tills know it: the address they call it by, its certificate, and the addresses of the store's other
// machine. On the node also the store's authority, which signs for both.
//
// Shape:  an address is an origin as browsers write it, "https://192.168.1.10:7443". The other machine's is kept in
//         DIR/store-tls/machines, so that tills hear of it while it is off; below it those that it had before, whose
//         pages devices still have, and keep writes in.
//         Between the two, over the link of their copy (sync::SpareParcel):
//           spare -> node   its address, its names, its public key, whether it needs a certificate
//           node -> spare   its own address; a certificate, if one was needed; the authority's; and only where it
//                           refuses, in words, why (an older spare does not read such an answer, and goes on asking)
//         The authority's key passes only sealed, with the list of staff (store_copy): a spare has it when it is
//         promoted, not before. A name of the node's own is signed for nobody else. A node that has a certificate but
//         not its authority's key shows it to its end and beyond, and makes no other authority: every till would refuse
//         that. A person moves tls.crt away.
// Errors: open(): edge/bad_address, tills/bad_name, tills/name_outside (neither where `goes_on_without`), and this
//         machine's own key cannot be read. What else cannot be done now, for a wrong clock or a damaged file, is told
//         to the log and tried again by look().
// Thread: any.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/world.h"
#include "edge/http/server.h"
#include "edge/tills/store_certificate.h"

namespace holdfast::tills {

struct MachineSettings {
  std::string data, site;
  std::string listen;              // host:port of --tills
  std::vector<std::string> names;  // of --tills-name; the first is told to tills, else the host of `listen`
  bool is_node = true;
  // A promoted spare opens the store even where no certificate can be made: then tills cannot come, and the rest works.
  bool goes_on_without = false;
};

struct News {
  std::string event, what;  // "ends-soon"; in the log it is "tills-ends-soon"
  bool is_warning = false;  // somebody should act; told once a day and event
};

class Machine {
 public:
  using Tell = std::function<void(const News&)>;
  static Result<std::unique_ptr<Machine>> open(MachineSettings settings, Clock& clock, Tell log);

  // The port is known once it is bound. Gives the server its certificate, if there is one.
  void serve(http::Server& server);
  // Makes or wants a new certificate when it is time. Cheap; to be called now and then.
  void look();

  std::string origin() const;
  bool is_here_only() const;                 // tills call it by a name that only this machine understands
  bool can_be_reached() const;               // its address is listened on, with a certificate that holds now
  std::vector<std::string> origins() const;  // of the store's machines, this one first
  std::vector<std::string> others() const;   // but this one
  std::vector<std::string> known() const;    // others, now and before, newest first: whose pages may ask
  std::vector<std::string> names() const { return names_; }  // that this machine answers to
  std::string authority() const;                             // PEM, for devices; empty: not yet known
  std::string authority_fingerprint() const;
  // Why tills could not come by this machine's certificate now, for a person; empty: they can. For a spare also what
  // its node refuses.
  std::string problem() const;
  struct Ends {
    Instant certificate, authority;
  };
  std::optional<Ends> ends() const;  // of what is shown to tills; nullopt: nothing is

  // ---- the node
  Bytes answer_to_spare(ByteView word);  // empty: it makes no sense; else an answer or a refusal
  std::optional<Authority> authority_key() const;
  bool has_authority_key() const;  // may come later than the start, and stays
  // ---- the spare
  Bytes word_to_node();
  bool wants_certificate() const;  // its word says so; to be told again until the node has given one
  void take_word_of_node(ByteView word);

 private:
  Machine(MachineSettings settings, Clock& clock, Tell log);
  Status start();
  Status use_leaf(const std::string& leaf_and_authority);
  Bytes refused_to_spare(const std::string& why);
  std::string problem_of_leaf() const;
  Status take_leaf(const std::string& leaf_and_authority);
  void set_other(const std::string& origin);
  // Opens the authority, or makes it, and has it sign this machine's certificate when that is due. Where a certificate
  // is without its authority's key, it stays as it is.
  Status renew();
  void warn(const Status& renewed);
  void warn_of_kept_leaf();
  void warn_daily(std::string_view event, const std::string& what);

  const MachineSettings settings_;
  Clock& clock_;
  const Tell log_;
  std::vector<std::string> names_;
  std::string called_;  // the name in our address
  MachineKey key_;
  mutable std::recursive_mutex mutex_;  // guards what follows
  http::Server* server_ = nullptr;
  std::optional<Authority> authority_;
  std::string leaf_;                // and the authority's certificate
  std::vector<std::string> known_;  // of the other machine, the present one first
  std::string refusal_;             // why there is no newer leaf_, until there is
  Instant looked_at_;
  std::map<std::string, Instant, std::less<>> warned_at_;
};

// What is sealed for the spare: the list of staff and tills, and the store's authority where there is one.
Bytes pack_store_copy(ByteView credentials, const std::optional<Authority>& authority);
struct StoreCopy {
  Bytes credentials;
  std::optional<Authority> authority;
};
Result<StoreCopy> unpack_store_copy(ByteView copy);

}  // namespace holdfast::tills
