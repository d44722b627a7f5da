using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Rlhf.Hosting;

/// <summary>Options that refuse to start with a key that means nothing or a value that is not legal.</summary>
public static class OptionsBinding
{
    /// <summary>Binds a configuration section; an unknown key, a missing required value or an illegal one stops the start with a message that names it.</summary>
    /// <typeparam name="T">The options.</typeparam>
    /// <param name="services">The application's services.</param>
    /// <param name="section">Name of the section, for example "Messaging".</param>
    public static OptionsBuilder<T> AddRlhfOptions<T>(this IServiceCollection services, string section)
        where T : class
    {
        services.AddSingleton(new OptionsSection(section, typeof(T)));
        return services
            .AddOptions<T>()
            .BindConfiguration(section, binder => binder.ErrorOnUnknownConfiguration = true)
            .ValidateDataAnnotations()
            .ValidateOnStart();
    }

    /// <summary>Reads a section now, where registration itself depends on it, with the same rules as <see cref="AddRlhfOptions{T}"/>.</summary>
    /// <typeparam name="T">The options.</typeparam>
    /// <param name="configuration">The application's configuration.</param>
    /// <param name="section">Name of the section.</param>
    /// <param name="validator">Rules beyond the annotations.</param>
    /// <exception cref="OptionsValidationException">A value is missing or not legal.</exception>
    /// <exception cref="InvalidOperationException">A key is unknown.</exception>
    public static T ReadRlhfOptions<T>(this IConfiguration configuration, string section, IValidateOptions<T>? validator = null)
        where T : class, new()
    {
        var options = configuration.GetSection(section).Get<T>(binder => binder.ErrorOnUnknownConfiguration = true) ?? new T();
        foreach (var rules in (IValidateOptions<T>?[])[new DataAnnotationValidateOptions<T>(null), validator])
        {
            if (rules?.Validate(null, options) is { Failed: true } result)
            {
                throw new OptionsValidationException(section, typeof(T), result.Failures);
            }
        }

        return options;
    }
}

/// <summary>A section that <see cref="OptionsBinding.AddRlhfOptions{T}"/> has bound; the configuration reference lists them.</summary>
/// <param name="Name">Name of the section.</param>
/// <param name="Type">The options.</param>
public sealed record OptionsSection(string Name, Type Type);
