// One site of the demo's chain: its directory, its process, and its API, asked with its admin.token.
//
// Shape:  the directory is another one after a rebuild: a new machine.
// Errors: demo/failed: the process or what it was asked to do, in its words; edge/no_node, edge/no_answer: it does not
//         serve now. demo/ending: the demo ends, so it was not waited for.
// Thread: start, destroy and rebuild on the demo's main one; everything else from any.
#pragma once

#include <atomic>
#include <boost/json.hpp>
#include <mutex>
#include <string>

#include "core/base/result.h"
#include "edge/demo/child.h"

namespace holdfast::demo {

struct Person {
  std::string number, pin;
};

class Site {
 public:
  struct Place {
    std::string name, chain;  // chain: directory that `holdfast chain demo` made
    std::string http;         // host:port
    std::string log;
  };
  Site(Place place, std::string enrolment_code);

  const std::string& name() const { return place_.name; }
  std::string url() const { return "http://" + place_.http; }
  bool is_store() const { return place_.name.starts_with("store"); }

  Status start(const std::string& control_url);  // returns before it serves
  Status wait_until_serving(int seconds, const IsEnding& is_ending);
  Status enrol(const Person& manager);
  Result<boost::json::object> ask(std::string_view method, const std::string& path, const std::string& body = "") const;
  // One write; refused: its problem as an error.
  Result<boost::json::object> write(boost::json::object body) const;

  Status destroy();
  // Waits for its mirrors two minutes at most, and says what to do when too few answer. It can be tried again.
  Status rebuild(const Person& manager, const std::string& control_url, const IsEnding& is_ending);
  Status set_links(bool cut);
  Child& process() { return process_; }

  std::atomic<bool> is_serving = false, is_rebuilding = false, is_cut = false;

 private:
  std::string directory() const;
  Place place_;
  std::string enrolment_code_;
  mutable std::mutex mutex_;
  std::string directory_;
  Child process_;
  unsigned rebuilds_ = 0;
};

std::string text_of(const boost::json::object& object, std::string_view name);
const boost::json::array& list_of(const boost::json::object& object, std::string_view name);  // absent: empty

}  // namespace holdfast::demo
