// The HTTP API of one node: who asks, what for, and what the node, the credential store and the vault say.
//
// Shape:  handle() runs on the server's thread and never waits: reads and writes go to the node's thread between turns,
//         PINs and files of people to the worker. The contract is schema/openapi.yaml.
//         Who may: a till by its device key (says where), a person by session cookie (says who; every change needs the
//         X-CSRF-Token of the session), the machine's administrator by the data directory's admin.token. A till's
//         request may carry a session beside; one that is missing or over then counts as none.
//         At a page of the store's other machine (browser.h) a session is a token in X-Holdfast-Session, good only
//         together with the till's device key that asked for it.
//         From browsers: the Host must be an address or localhost (a name that an attacker's DNS points here is
//         refused), the Origin of a change must be this very server, and bodies must be application/json, which no
//         foreign form can send.
// Errors: problem.h.
// Thread: handle() on the server's; lives longer than the server.
// Source: protocol 8, 11; OWASP ASVS 4, 13.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/http/browser.h"
#include "edge/http/json_read.h"
#include "edge/http/message.h"
#include "edge/http/node_access.h"
#include "edge/http/pace.h"
#include "edge/http/pages.h"
#include "edge/http/server.h"
#include "edge/http/worker.h"
#include "edge/http/write_json.h"
#include "edge/people/credentials.h"
#include "edge/people/sessions.h"
#include "edge/people/vault.h"
#include "edge/tills/machine.h"

namespace holdfast::http {

struct ApiSettings {
  std::string chain = {};       // of this node
  std::string site;             // in the cookie's name, since cookies are not kept apart by port
  bool is_head_office = false;  // who is enrolled first there is an operator, elsewhere a manager
  std::string demo_control;     // URL; empty: no demo
  std::string listen;           // host:port that --http names; its host is a good Host header
  std::string data;             // the data directory, whose disk is looked at; empty: not known
};
struct SensorFileCount {  // of guard.toml; and of those, which are not heard now
  std::size_t all = 0, unreadable = 0;
};
struct ApiParts {
  NodeAccess& node;
  people::Credentials& credentials;
  people::Sessions& sessions;
  people::Vault& vault;
  Worker& worker;
  Clock& clock;
  Entropy& entropy;
  const Pages& pages;
  const Server::Counters& counters;
  // What was done about a seal beside the links, as JSON (edge/guard); empty: nothing but the application itself.
  std::function<std::string()> seal_proof = {};
  // Alerts by HTTP: whether a bearer token is the sensors', and one line of a webhook ("": EVE).
  std::function<bool(std::string_view token)> is_alert_token = {};
  std::function<Status(const std::string& webhook, std::string_view line)> take_alert = {};
  std::function<bool(std::string_view address)> is_shut_out = {};  // by a seal: it is not of the shop's own network
  std::function<void(bool sign_in)> on_refused =
      {};                                 // each 401, 403, 421 and 429 but http/too_fast; on the server's thread
  const tills::Machine* tills = nullptr;  // where tills come by TLS
  std::function<SensorFileCount()> sensor_files = {};
};

// Headers for every response; connect-src names the demo's control server where there is one. Pages say more.
std::vector<std::pair<std::string, std::string>> security_headers(std::string_view demo_control);
// The store's certificate as a device installs it; nullopt: there is none.
std::optional<Response> store_certificate(const tills::Machine* tills);

class Api {
 public:
  Api(ApiParts parts, ApiSettings settings);
  void handle(Request request, Respond respond);

 private:
  enum class Access { anyone, known, manager, signed_in, sensor };
  // One request on its way to its answer.
  struct Call {
    Request request;
    Respond respond;
    Asker asker;
    std::optional<people::Session> session;
    std::string token;                         // of the session
    bool is_of_store = false;                  // a page of the store's other machine sent it
    std::string argument;                      // {} in the route
    std::map<std::string, std::string> query;  // the last of each name
    std::vector<std::string> keys;             // every key=
    json::value body;
    void done(Response response) { respond_now(respond, std::move(response)); }
    void refuse(const Error& error);
    void answer(std::string json);  // 200
  };
  using CallPtr = std::shared_ptr<Call>;
  struct Route {
    Method method;
    std::string_view path;  // "/v1/products/{}"
    Access access;
    void (Api::*handler)(const CallPtr&);
    bool may_lack_body = false;
  };
  struct Search;
  struct Batch;
  static const std::vector<Route>& routes();

  // api.cc
  Place place() const;
  std::vector<std::string> machines() const;  // of this store, as tills call them; this one first
  Status identify_session(Call& call) const;
  Status identify(Call& call) const;
  Status allow(const Call& call, Access access) const;
  Status read_query(Call& call) const;
  Status read_body(Call& call, bool may_lack_body) const;
  void serve_page(const CallPtr& call);
  void on_worker(const CallPtr& call, std::function<void()> job);
  // Answers with what `make` reads of the node.
  void read(const CallPtr& call, std::function<std::string(const node::Node&)> make);

  // api_reads.cc
  void get_about(const CallPtr& call);
  void get_safety(const CallPtr& call);
  void get_status(const CallPtr& call);
  void get_products(const CallPtr& call);
  void get_product(const CallPtr& call);
  void get_receipt(const CallPtr& call);
  void get_stock(const CallPtr& call);
  void get_feed(const CallPtr& call);
  void get_orders(const CallPtr& call);
  void get_dispatches(const CallPtr& call);
  void get_held(const CallPtr& call);
  void get_listed(const CallPtr& call);
  void get_chain(const CallPtr& call);
  void get_totals(const CallPtr& call);
  void get_recovery(const CallPtr& call);
  void get_links(const CallPtr& call);
  void get_metrics(const CallPtr& call);
  void get_health(const CallPtr& call);
  void search(const CallPtr& call, bool stock);
  void search_step(const std::shared_ptr<Search>& search, const node::Node& node);

  // api_incidents.cc
  void get_situation(const CallPtr& call);
  void get_incidents(const CallPtr& call);
  void get_incident(const CallPtr& call);
  void get_incident_export(const CallPtr& call);
  void get_rejoin(const CallPtr& call);
  // api_standby.cc
  void get_standby(const CallPtr& call);
  void get_ready(const CallPtr& call);
  std::uint64_t without_rate(const node::Node& node);  // on the node's thread
  void post_takeover(const CallPtr& call);

  // api_writes.cc
  void post_writes(const CallPtr& call);
  void post_link(const CallPtr& call);
  void finish_batch(const std::shared_ptr<Batch>& batch);

  // api_guard.cc
  void post_alert(const CallPtr& call);
  void get_posture(const CallPtr& call);
  void post_posture(const CallPtr& call);
  void order_posture(const CallPtr& call, guard::SetPosture order);

  // api_people.cc
  void post_session(const CallPtr& call);
  void get_session(const CallPtr& call);
  void delete_session(const CallPtr& call);
  void post_enrol(const CallPtr& call);
  void post_till(const CallPtr& call);
  void get_till(const CallPtr& call);
  void post_staff(const CallPtr& call);
  void get_staff(const CallPtr& call);
  void delete_staff(const CallPtr& call);
  void post_vault_read(const CallPtr& call);
  static people::Place place_of(const Call& call);    // where a PIN or a code is tried
  Response refused_person(const Error& error) const;  // people/* as auth/*, with Retry-After

  static std::optional<std::string> name_of(const Asker& asker);  // "till/3", "staff/…"; none: he did not say who he is
  static void tell_who(Call& call);
  void count_refusals(Call& call) const;
  std::optional<Duration> too_fast(const Call& call, const Route& route);

  ApiParts parts_;
  ApiSettings settings_;
  Refill alerts_;  // on the server's thread
  Pace pace_;      // on the server's thread
  std::string cookie_name_;
  // On the node's thread: how many products have no VAT rate, and when that was looked at.
  std::uint64_t without_rate_ = 0;
  std::optional<Instant> rates_looked_at_;
};

}  // namespace holdfast::http
