package io.example

import java.time.Instant

/** Somebody who signed up. */
data class User(val name: String, val since: Instant) {
    // Says hello.
    fun greet(): String = "Hello, $name"

    companion object Companion {
        fun of(name: String): User = User(name, Instant.now())
    }
}

interface Repo {
    fun find(id: Int): User?
}

enum class Color(val hex: String) {
    RED("f00"),
    GREEN("0f0")
}

object Registry {
    fun add(user: User) {
        println(user)
    }
}
typealias Id = String

const val TOP = 10

/** The second element. */
fun <T> List<T>.second(): T {
    return this[1]
}
