;; A guest that returns what no honest guest would. `hostile.wasm` is this text through
;; `wasm-tools parse`, kept beside it so that the tests need no assembler.
(component
  ;; Never called: types that can't cross a link.
  (import "test:hostile/handles" (instance
    (export "handle" (type $handle (sub resource)))
    (export "open" (func (param "name" string) (result (own $handle))))
    (export "close" (func (param "them" (list (tuple u8 (borrow $handle))))))))
  (core module $m
    (memory (export "memory") 1)
    ;; Where the allocator claims to have room.
    (global $room (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.eq (global.get $room) (i32.const -1)) (then unreachable))
      global.get $room)
    (func (export "set-room") (param i32) local.get 0 global.set $room)
    (func (export "same") (param i32) (result i32) local.get 0)
    (func (export "take") (param i32 i32))
    ;; Pairs of pointer and length.
    (data (i32.const 16) "\f0\ff\ff\ff\08\00\00\00") ;; begins outside
    (data (i32.const 24) "\f8\ff\00\00\09\00\00\00") ;; ends one byte outside
    (data (i32.const 32) "\00\01\00\00\ff\ff\ff\ff") ;; as long as can be
    (data (i32.const 40) "\01\01\00\00\01\00\00\00") ;; not aligned
    (data (i32.const 48) "\00\01\00\00\04\00\00\00") ;; four good bytes
    (data (i32.const 56) "\00\02\00\00\02\00\00\00") ;; two bytes that are no UTF-8
    (data (i32.const 64) "\00\01\00\00\00\00\01\00") ;; 64 KiB
    (data (i32.const 0x100) "good")
    (data (i32.const 0x200) "\c3\28"))
  (core instance $i (instantiate $m))
  (core func $realloc (alias core export $i "realloc"))
  (alias core export $i "memory" (core memory $memory))
  (core func $same (alias core export $i "same"))
  (core func $take (alias core export $i "take"))
  (core func $set-room (alias core export $i "set-room"))
  (type $colour' (enum "red" "green"))
  (export $colour "colour" (type $colour'))
  (type $shape' (variant (case "dot") (case "line" u64)))
  (export $shape "shape" (type $shape'))
  (func (export "text") (param "at" u32) (result string)
    (canon lift (core func $same) (memory $memory) (realloc $realloc)))
  (func (export "bytes") (param "at" u32) (result (list u8))
    (canon lift (core func $same) (memory $memory) (realloc $realloc)))
  (func (export "numbers") (param "at" u32) (result (list u64))
    (canon lift (core func $same) (memory $memory) (realloc $realloc)))
  (func (export "shape-at") (param "at" u32) (result $shape)
    (canon lift (core func $same) (memory $memory) (realloc $realloc)))
  (func (export "char-of") (param "code" u32) (result char)
    (canon lift (core func $same)))
  (func (export "colour-of") (param "code" u32) (result $colour)
    (canon lift (core func $same)))
  (func (export "set-room") (param "at" u32)
    (canon lift (core func $set-room)))
  (func (export "take-text") (param "text" string)
    (canon lift (core func $take) (memory $memory) (realloc $realloc)))
  (func (export "take-bytes") (param "bytes" (list u8))
    (canon lift (core func $take) (memory $memory) (realloc $realloc)))
  (func (export "take-numbers") (param "numbers" (list u64))
    (canon lift (core func $take) (memory $memory) (realloc $realloc))))
