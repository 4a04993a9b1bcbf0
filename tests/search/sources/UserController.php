<?php

namespace App\Http;

use App\User;

/** Answers questions about users. */
final class UserController extends Controller implements Shows
{
    const PAGE_SIZE = 20;

    /**
     * Shows one user.
     */
    public function show(int $id): Response
    {
        return new Response(User::find($id));
    }
}

interface Shows
{
    public function show(int $id): Response;
}

trait Counts
{
    public function count(): int { return 0; }
}

enum Suit: string
{
    case Hearts = 'h';
}

function helper(array $values): array
{
    return array_filter($values);
}
