using System.ComponentModel.DataAnnotations;

namespace Labeling.Web.Components.Pages.Account;

/// <summary>A new password, typed twice.</summary>
internal class PasswordForm
{
    public const int MinimumLength = 12;

    // Length helps against guessing, mandatory character classes hardly do (NIST SP 800-63B, section 5.1.1.2).
    public const string Hint = "At least 12 characters. A few words in a row are easy to remember and hard to guess.";

    [Required(ErrorMessage = "Choose a password."), StringLength(200, MinimumLength = MinimumLength, ErrorMessage = "The password needs {2} to {1} characters.")]
    public string Password { get; set; } = "";

    [Compare(nameof(Password), ErrorMessage = "The two passwords differ.")]
    public string Repeat { get; set; } = "";
}
